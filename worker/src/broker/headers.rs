//! Headers of messages, and how they are read: whoever publishes to an exchange may write anything into them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::message::Trace;

/// Header that counts failed tries. Ours, because `x-` headers belong to the broker.
pub(super) const RETRY_COUNT_HEADER: &str = "import-tries";

/// Header of a message that waits without having failed: a queue refuses the messages that follow from it, or its
/// import is paused.
pub(super) const POSTPONED_HEADER: &str = "import-postponed";

/// Header in which a quorum queue says how often it has delivered a message before.
pub(super) const DELIVERY_COUNT_HEADER: &str = "x-delivery-count";

/// Header in which the broker says where it has dead-lettered a message before.
pub(super) const DEATHS_HEADER: &str = "x-death";

/// Header of when a message was published, in milliseconds since 1970: AMQP's own timestamp has only whole seconds.
const PUBLISHED_AT_HEADER: &str = "import-published-at";

/// No message waits longer; if one seems to, its publisher's clock is wrong.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A counter among the headers: ours is a long-uint, the broker uses any integer type that has room.
pub(super) fn count(properties: &BasicProperties, name: &str) -> u32 {
    let header = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(name));
    match header {
        Some(AMQPValue::LongUInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortShortInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortShortUInt(count)) => u32::from(*count),
        Some(AMQPValue::ShortUInt(count)) => u32::from(*count),
        _ => 0,
    }
}

/// The queues in which the broker itself has dead-lettered a message, the latest first. What a publisher forged comes
/// after them, unless it names the same queue and reason: the broker goes on counting in such an entry.
pub(super) fn died_in(headers: &FieldTable) -> impl Iterator<Item = String> {
    deaths(headers).filter_map(|death| text(death, "queue"))
}

/// Why the broker dead-lettered a message the last time.
pub(super) fn death_reason(headers: &FieldTable) -> Option<String> {
    deaths(headers).next().and_then(|death| text(death, "reason"))
}

fn deaths(headers: &FieldTable) -> impl Iterator<Item = &FieldTable> {
    let deaths = headers.inner().get(DEATHS_HEADER).and_then(AMQPValue::as_array);
    deaths
        .into_iter()
        .flat_map(|deaths| deaths.as_slice())
        .filter_map(AMQPValue::as_field_table)
}

/// Whether there is such a header.
pub(super) fn has(properties: &BasicProperties, name: &str) -> bool {
    let headers = properties.headers().as_ref();
    headers.is_some_and(|headers| headers.inner().contains_key(name))
}

/// A text among the headers.
pub(super) fn text(headers: &FieldTable, name: &str) -> Option<String> {
    let value = headers.inner().get(&ShortString::from(name))?;
    value.as_long_string().map(ToString::to_string)
}

/// The trace that a message names, if it is well formed.
pub(super) fn trace(properties: &BasicProperties) -> Trace {
    let header = |name: &str| match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Trace::accept(text.as_bytes()),
        _ => None,
    };
    Trace {
        parent: header(Trace::PARENT_HEADER),
        state: header(Trace::STATE_HEADER),
    }
}

/// Headers that carry the trace.
pub(super) fn of_trace(trace: &Trace) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in [
        (Trace::PARENT_HEADER, &trace.parent),
        (Trace::STATE_HEADER, &trace.state),
    ] {
        if let Some(value) = value {
            table.insert(name.into(), AMQPValue::LongString(value.as_str().into()));
        }
    }
    table
}

/// Notes that the message is published now.
pub(super) fn stamp(headers: &mut FieldTable) {
    headers.insert(PUBLISHED_AT_HEADER.into(), AMQPValue::LongLongInt(now_ms()));
}

/// How long ago a message was published, by the clock of whoever published it. `None` if it does not say, or if that
/// cannot be right.
pub(super) fn age(properties: &BasicProperties) -> Option<Duration> {
    let headers = properties.headers().as_ref()?.inner();
    let AMQPValue::LongLongInt(published_ms) = headers.get(PUBLISHED_AT_HEADER)? else {
        return None;
    };
    let age_ms = u64::try_from(now_ms().checked_sub(*published_ms)?).ok()?;
    Some(Duration::from_millis(age_ms)).filter(|age| *age < MAX_AGE)
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
