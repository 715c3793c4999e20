//! DescribeEtcdEvents and OpenEtcdEventStream: what happened to an instance, and being told when something has changed.
//!
//! What the controller told is read from the store, not from the view: it would be most of the view's memory, and is
//! looked at seldom. What is known of tasks is in the view anyway, and is told from there.

mod text;

use std::cmp::Reverse;

use cetcd_api::{
    Code, Error, Language,
    actions::{
        DescribeEtcdEvents, DescribeEtcdEventsRequest, DescribeEtcdEventsResponse, OpenEtcdEventStream,
        OpenEtcdEventStreamRequest, OpenEtcdEventStreamResponse,
    },
    structures::{EtcdEvent, Filter},
};
use cetcd_core::{
    Event, InstanceId, Task,
    event::{EventKind, Level},
    task::TaskState,
};
use cetcd_store::events;
use jiff::{RoundMode, TimestampRound, Unit};

use super::{Service, commit::store_error, lookup::page};
use crate::{Context, Handler};

/// Events a page where the request does not say, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 100;

impl Handler<DescribeEtcdEvents> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdEventsRequest,
    ) -> Result<DescribeEtcdEventsResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let id = &instance.id;
        let filters = request.filters.unwrap_or_default();
        let wanted = filters.iter().enumerate().map(|(index, filter)| Wanted::read(filter, index));
        let wanted: Vec<Wanted<'_>> = wanted.collect::<Result<_, _>>()?;
        let stored = events::read(self.store.as_ref(), id).await;
        let stored = stored.map_err(|error| store_error("read the events of an instance", &error))?;
        let of_controller = stored.instance.into_iter().map(|event| (format!("c{}", event.number), event));
        let of_backups = stored.backups.into_iter().map(|event| (format!("b{}", event.number), event));
        let of_tasks = self.view.tasks_about(id).into_iter().flat_map(|task| of_task(&task));
        let mut all: Vec<(String, Event)> = of_tasks.chain(of_backups).chain(of_controller).collect();
        all.retain(|(_, event)| wanted.iter().all(|wanted| wanted.holds(id, event)));
        // What was recorded together was found out in the order of its numbers.
        all.sort_by_key(|(_, event)| Reverse((event.at, event.number)));
        let total_count = all.len() as u64;
        let events = page(all, request.offset, request.limit, PAGE, LARGEST_PAGE);
        let events = events.map(|(name, event)| shown(id, name, event, context.language)).collect();
        Ok(DescribeEtcdEventsResponse { events: Some(events), total_count })
    }
}

impl Handler<OpenEtcdEventStream> for Service {
    async fn handle(
        &self,
        context: &Context,
        _request: OpenEtcdEventStreamRequest,
    ) -> Result<OpenEtcdEventStreamResponse, Error> {
        let ticket = self.streams.ticket(&context.account, &context.region).ok_or_else(|| {
            Error::new(
                Code::RequestLimitExceeded,
                "Too many streams were asked for and not opened. Open one, or try again in half a minute.",
                "申请后尚未打开的事件流过多，请先打开，或半分钟后重试。",
            )
        })?;
        Ok(OpenEtcdEventStreamResponse { ticket, path: crate::streams::PATH.to_owned() })
    }
}

/// A condition of the request.
struct Wanted<'a> {
    attribute: fn(&InstanceId, &Event) -> String,
    values: &'a [String],
}

impl<'a> Wanted<'a> {
    fn read(filter: &'a Filter, index: usize) -> Result<Self, Error> {
        let attribute: fn(&InstanceId, &Event) -> String = match filter.name.as_str() {
            "level" => |_, event| event.level.as_str().to_owned(),
            "type" => |_, event| event.kind.as_str().to_owned(),
            "member" => member,
            "taskId" => |_, event| event.task.clone().unwrap_or_default(),
            other => return Err(Error::wrong_value(other, format_args!("Filters.{index}.Name"))),
        };
        Ok(Self { attribute, values: &filter.values })
    }

    fn holds(&self, id: &InstanceId, event: &Event) -> bool {
        let attribute = (self.attribute)(id, event);
        self.values.contains(&attribute)
    }
}

fn member(id: &InstanceId, event: &Event) -> String {
    event.member.map(|ordinal| id.member_name(ordinal)).unwrap_or_default()
}

/// What a task tells: that it was accepted, and how it ended.
fn of_task(task: &Task) -> Vec<(String, Event)> {
    let event = |kind, at| {
        let event = Event { task: Some(task.id.clone()), ..Event::new(kind, at) };
        event.detail(task.kind.as_str())
    };
    let mut told = vec![(format!("{}-begun", task.id), event(EventKind::TaskBegun, task.created_at))];
    let ended = match task.state {
        TaskState::Process => None,
        TaskState::Done => Some(event(EventKind::TaskDone, task.updated_at)),
        TaskState::Failed => {
            let reason = task.steps.iter().map(|step| step.failed_message.as_str()).rfind(|text| !text.is_empty());
            Some(event(EventKind::TaskFailed, task.updated_at).level(Level::Error).reason(reason.unwrap_or_default()))
        }
    };
    // It follows from what was recorded together with it.
    told.extend(ended.map(|event| (format!("{}-ended", task.id), Event { number: u64::MAX, ..event })));
    told
}

fn shown(id: &InstanceId, name: String, event: Event, language: Language) -> EtcdEvent {
    let member = member(id, &event);
    let whole = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Trunc);
    EtcdEvent {
        event_id: name,
        time: event.at.round(whole).unwrap_or(event.at).to_string(),
        kind: event.kind.as_str().to_owned(),
        level: event.level.as_str().to_owned(),
        message: text::message(language, &event, &member),
        reason: event.reason,
        member,
        task_id: event.task.unwrap_or_default(),
    }
}
