//! The files that a Grafana reads: who may come in, where its data is, and its dashboards.

use std::path::Path;

use cetcd_runtime::process::Files;
use serde_json::json;

use crate::{Ours, USER, assets::DASHBOARDS, config::yaml};

/// All files of a Grafana, by their path within the folder `dir` of its configuration. What it keeps goes to `data`.
pub fn files(ours: &Ours, dir: &Path, data: &Path) -> Files {
    let path = |path: &Path| path.display().to_string();
    let mut files = Files::new();
    let settings = [
        ("paths", "data", path(data)),
        ("paths", "logs", path(&data.join("log"))),
        ("paths", "plugins", path(&data.join("plugins"))),
        ("paths", "provisioning", path(&dir.join("provisioning"))),
        ("server", "http_addr", ours.grafana.ip().to_string()),
        ("server", "http_port", ours.grafana.port().to_string()),
        ("security", "admin_user", ours.grafana_user.clone()),
        ("security", "admin_password", ours.grafana_password.clone()),
        ("analytics", "reporting_enabled", "false".to_owned()),
        ("analytics", "check_for_updates", "false".to_owned()),
        ("log", "mode", "console".to_owned()),
    ];
    let mut lines = Vec::new();
    let mut section = "";
    for (wanted, name, value) in &settings {
        if section != *wanted {
            lines.push(format!("[{wanted}]"));
            section = wanted;
        }
        lines.push(format!("{name} = {}", quoted(value)));
    }
    lines.push(String::new());
    files.insert("grafana.ini".into(), lines.join("\n").into());
    let source = json!({
        "apiVersion": 1,
        "datasources": [{
            "name": "cetcd",
            "uid": "cetcd",
            "type": "prometheus",
            "access": "proxy",
            "url": format!("http://{}", ours.listen),
            "isDefault": true,
            "editable": false,
            "basicAuth": true,
            "basicAuthUser": USER,
            "secureJsonData": { "basicAuthPassword": literal(&ours.password) },
        }],
    });
    files.insert("provisioning/datasources/cetcd.yaml".into(), yaml(&source));
    let provider = json!({
        "apiVersion": 1,
        "providers": [{
            "name": "cetcd",
            "folder": "cetcd",
            "type": "file",
            "allowUiUpdates": false,
            "options": { "path": path(&dir.join("dashboards")) },
        }],
    });
    files.insert("provisioning/dashboards/cetcd.yaml".into(), yaml(&provider));
    for dashboard in DASHBOARDS {
        files.insert(Path::new("dashboards").join(dashboard.name), dashboard.text.into());
    }
    files
}

/// A value of an ini file that stays what it is: `#`, `;`, quotes and `%(name)s` mean something there.
fn quoted(value: &str) -> String {
    if value.contains('`') {
        return format!("\"\"\"{}\"\"\"", literal(value));
    }
    format!("`{}`", literal(value))
}

/// Grafana replaces `$NAME` and `${NAME}` by what the environment has; two of them are one.
fn literal(value: &str) -> String {
    value.replace('$', "$$")
}

/// The command line's arguments: newer binaries are one program with `server` as a word, older ones `grafana-server`.
pub fn arguments(program: &Path, home: &Path, config: &Path) -> Vec<String> {
    let word = program.file_name().is_none_or(|name| name != "grafana-server").then(|| "server".to_owned());
    let flags =
        [format!("--homepath={}", home.display()), format!("--config={}", config.join("grafana.ini").display())];
    word.into_iter().chain(flags).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ours(password: &str) -> Ours {
        Ours {
            listen: ([127, 0, 0, 9], 9090).into(),
            password: "of prometheus".to_owned(),
            retention_days: 1,
            grafana: ([127, 0, 0, 9], 3000).into(),
            grafana_user: "admin".to_owned(),
            grafana_password: password.to_owned(),
        }
    }

    #[test]
    fn it_is_provisioned_with_the_prometheus_and_every_dashboard() {
        let files = files(&ours("secret"), Path::new("/g/config"), Path::new("/g/data"));
        let text = |name: &str| String::from_utf8(files[Path::new(name)].clone()).unwrap();
        let source: serde_json::Value = serde_yaml::from_str(&text("provisioning/datasources/cetcd.yaml")).unwrap();
        assert_eq!(source["datasources"][0]["url"], "http://127.0.0.9:9090");
        assert_eq!(source["datasources"][0]["secureJsonData"]["basicAuthPassword"], "of prometheus");
        assert!(text("provisioning/dashboards/cetcd.yaml").contains("/g/config/dashboards"));
        assert!(text("grafana.ini").contains("admin_password = `secret`\n"));
        assert_eq!(files.keys().filter(|name| name.starts_with("dashboards")).count(), DASHBOARDS.len());
    }

    #[test]
    fn a_password_stays_what_it_is_whatever_is_in_it() {
        for (password, line) in [("a#b;c\"d", "`a#b;c\"d`"), ("$HOME", "`$$HOME`"), ("a`b", "\"\"\"a`b\"\"\"")] {
            let files = files(&ours(password), Path::new("/g"), Path::new("/d"));
            let ini = String::from_utf8(files[Path::new("grafana.ini")].clone()).unwrap();
            assert!(ini.contains(&format!("admin_password = {line}\n")), "{ini}");
        }
    }

    #[test]
    fn old_and_new_binaries_are_started_by_their_own_words() {
        let of = |program: &str| arguments(Path::new(program), Path::new("/home"), Path::new("/config"));
        assert_eq!(of("/usr/sbin/grafana-server")[0], "--homepath=/home");
        assert_eq!(of("/usr/sbin/grafana"), ["server", "--homepath=/home", "--config=/config/grafana.ini"]);
    }
}
