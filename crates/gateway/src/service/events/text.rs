//! What an event says, in both languages. Reasons are in the words of etcd and of the system, in English.

use cetcd_api::Language;
use cetcd_core::{Event, condition::ConditionKind, event::EventKind};

/// One sentence: what happened, to whom. `{member}` stands for the member's name, `{}` for what the event is about.
pub(super) fn message(language: Language, event: &Event, member: &str) -> String {
    let (en, zh) = sentences(event);
    let sentence = match language {
        Language::En => en,
        Language::Zh => zh,
    };
    let about = match event.kind {
        EventKind::ConditionRaised | EventKind::ConditionCleared => condition(language, &event.detail),
        _ => &event.detail,
    };
    sentence.replace("{member}", member).replace("{}", about)
}

fn sentences(event: &Event) -> (&'static str, &'static str) {
    let detail = event.detail.as_str();
    match event.kind {
        EventKind::TaskBegun => ("The task {} was accepted.", "任务 {} 已受理。"),
        EventKind::TaskDone => ("The task {} is done.", "任务 {} 已完成。"),
        EventKind::TaskFailed => ("The task {} has failed.", "任务 {} 已失败。"),
        EventKind::StatusChanged => ("Status: {}.", "状态：{}。"),
        EventKind::ConditionRaised => ("{}.", "{}。"),
        EventKind::ConditionCleared => ("Over: {}.", "已恢复：{}。"),
        EventKind::MemberServing => ("{member} serves.", "{member} 已提供服务。"),
        EventKind::MemberDown => ("{member} does not serve.", "{member} 停止提供服务。"),
        EventKind::MemberRestarted => ("{member} was started again.", "已重新启动 {member}。"),
        EventKind::MemberEnded if detail.is_empty() => ("{member} was stopped.", "已停止 {member}。"),
        EventKind::MemberEnded => ("{member} was stopped and goes back to {}.", "已停止 {member}，将回退到 {}。"),
        EventKind::MemberRolled => {
            ("{member} was stopped, to be started with what is wanted now.", "已停止 {member}，将以新的配置启动。")
        }
        EventKind::MemberUpgraded => {
            ("{member} was stopped, to be started with another version: {}.", "已停止 {member}，将以新版本启动：{}。")
        }
        EventKind::MemberAdded => ("{member} was added to the cluster.", "已将 {member} 加入集群。"),
        EventKind::MemberJoined => ("{member} was started and catches up.", "已启动 {member}，正在追赶数据。"),
        EventKind::MemberPromoted => ("{member} has caught up and has a vote.", "{member} 已追上数据并获得投票权。"),
        EventKind::MemberRemoved => ("{member} was taken out of the cluster.", "已将 {member} 移出集群。"),
        EventKind::MemberReplaced if detail.is_empty() => {
            ("The data of {member} was put aside; it joins anew.", "已搁置 {member} 的数据，将重新加入集群。")
        }
        EventKind::MemberReplaced => {
            ("The data of members {} was put aside; they join anew.", "已搁置成员 {} 的数据，将重新加入集群。")
        }
        EventKind::ClusterStarted => ("The first members were started: {}.", "已启动首批成员：{}。"),
        EventKind::ClusterFormed => ("The cluster has formed; its ID is {}.", "集群已形成，ID 为 {}。"),
        EventKind::LeaderMoved => ("The lead was handed over: {}.", "已移交 Leader：{}。"),
        EventKind::LeaderChanged => ("{member} leads now: {}.", "Leader 变更为 {member}：{}。"),
        EventKind::EndpointChanged if detail.is_empty() => {
            ("The endpoint passes connections to nobody.", "入口不再转发连接。")
        }
        EventKind::EndpointChanged => ("The endpoint passes connections to {}.", "入口将连接转发到 {}。"),
        EventKind::VersionInstalled => ("The binaries of {} are there.", "{} 的程序已就绪。"),
        EventKind::MonitoringStarted => ("The metrics of every member are read.", "已开始读取各成员的监控指标。"),
        EventKind::AuthChanged => match detail {
            "on" => ("Authentication was turned on.", "已开启认证。"),
            "off" => ("Authentication was turned off.", "已关闭认证。"),
            _ => ("The password of root was changed.", "已修改 root 的密码。"),
        },
        EventKind::CertificatesIssued => ("Certificates were issued.", "已签发证书。"),
        EventKind::CertificatesDelivered => ("Members {} have their new certificates.", "成员 {} 已更换证书。"),
        EventKind::AuthorityChanged => match detail {
            "introduced" => ("A new CA was made, to be trusted by every member.", "已生成新的 CA，各成员将信任它。"),
            "overlap" => {
                ("The new CA issues; the former credentials are still good.", "新 CA 已启用，旧凭证仍然有效。")
            }
            "withdrawn" => ("The former CA issues nothing any more.", "旧 CA 已停止签发。"),
            _ => ("The former CA is forgotten.", "旧 CA 已移除。"),
        },
        EventKind::Compacted => ("History was compacted, to free space.", "已压缩历史版本以释放空间。"),
        EventKind::Defragmented => ("{member} was defragmented.", "已对 {member} 整理碎片。"),
        EventKind::AlarmDisarmed => ("The alarm {} was taken back.", "已解除告警 {}。"),
        EventKind::BackupTaken => ("The snapshot {} is stored.", "快照 {} 已保存。"),
        EventKind::BackupFailed => ("The snapshot {} could not be taken.", "快照 {} 创建失败。"),
        EventKind::BackupRemoved => ("The snapshot {} was removed.", "快照 {} 已删除。"),
        EventKind::DrillPassed => ("The snapshot {} was restored for proof.", "快照 {} 已通过恢复验证。"),
        EventKind::DrillFailed => ("The snapshot {} does not restore.", "快照 {} 未通过恢复验证。"),
        EventKind::Recovery => match detail {
            "begun" => {
                ("The quorum is lost; the cluster is to go on with {member}.", "法定人数已丢失，将以 {member} 继续。")
            }
            "set_aside" => ("The data of the others was put aside.", "已搁置其他成员的数据。"),
            "forced" => ("{member} was started as a cluster of its own.", "已以单成员集群启动 {member}。"),
            "done" => ("The cluster goes on; the others join anew.", "集群已恢复，其他成员将重新加入。"),
            _ => ("The recovery is over; nothing was forced.", "恢复已结束，未强制启动。"),
        },
        EventKind::Restore => match detail {
            "begun" => ("A restore begins; clients are not let in.", "恢复开始，入口已关闭。"),
            "replaced_kept" => {
                ("What is replaced was backed up, as far as it can be.", "已备份将被替换的数据（如可备份）。")
            }
            "data" => ("Members have their data from the snapshot.", "成员的数据已由快照生成。"),
            _ => ("What is served is what the snapshot holds.", "已核对数据与快照一致。"),
        },
    }
}

/// What is wrong where a condition does not hold.
fn condition(language: Language, name: &str) -> &str {
    let Some(kind) = ConditionKind::ALL.into_iter().find(|kind| kind.as_str() == name) else { return name };
    let [english, chinese] = kind.trouble();
    match language {
        Language::En => english,
        Language::Zh => chinese,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_event_has_a_sentence_in_both_languages_and_no_gap_is_left_in_it() {
        for kind in EventKind::ALL {
            for (detail, member) in [("", "m"), ("x", "m")] {
                let event = Event::new(*kind, Timestamp::UNIX_EPOCH).detail(detail);
                let [en, zh] = [Language::En, Language::Zh].map(|language| message(language, &event, member));
                assert!(!en.contains('{') && !zh.contains('{') && en != zh, "{en} {zh}");
                assert!(en.ends_with('.') && zh.ends_with('。'), "{en} {zh}");
            }
        }
    }

    #[test]
    fn every_condition_has_words_in_both_languages() {
        for kind in ConditionKind::ALL.map(ConditionKind::as_str) {
            assert_ne!(condition(Language::En, kind), kind);
            assert_ne!(condition(Language::En, kind), condition(Language::Zh, kind));
        }
    }
}
