//! The broker: whether it answers, its exchanges and queues, what our user may do, which workers are connected, whether
//! the Dialer reads.

use super::check::Check;
use crate::{
    broker::{self, Depth, Examined},
    words::counted,
};

/// A Dialer takes an event within milliseconds. This many wait only if it does not.
const MANY_EVENTS: u32 = 1000;

/// Looks at a broker.
pub async fn broker(options: &broker::Options) -> Vec<Check> {
    let found = match broker::examine(options).await {
        Ok(found) => found,
        Err(error) => {
            let advice =
                "is the server up, and is AMQP_URL right (user, password, host, port, virtual host)?";
            return vec![Check::failed("broker", error.to_string(), advice)];
        }
    };
    let server = found.version.as_deref().unwrap_or("of unknown version");
    let mut checks = vec![Check::ok("broker", format!("RabbitMQ {server}"))];
    checks.push(shards(&found, options.amqp_shards));
    if !found.missing.is_empty() {
        checks.push(Check::failed(
            "topology",
            format!("missing: {}", first(&found.missing)),
            "run user-import topology; are AMQP_PREFIX and AMQP_SHARDS those of the other workers?",
        ));
        return checks;
    }
    checks.push(if found.old_way_is_open {
        Check::warning(
            "topology",
            "whoever may publish jobs can publish work too, as workers of older releases do",
            "once no worker of an older release runs: user-import topology --retire-old",
        )
    } else {
        Check::ok("topology", "all exchanges and queues are there")
    });
    checks.push(permissions(&found));
    checks.push(match &found.blocked {
        None => Check::ok("publishing", "the broker takes messages"),
        Some(reason) => Check::failed(
            "publishing",
            format!("the broker takes no messages: {reason}"),
            "rabbitmq-diagnostics alarms; free memory or disk space. Workers wait and go on by themselves",
        ),
    });
    let text = format!(
        "{} connected, {} waiting",
        found.workers,
        counted(found.waiting, "message")
    );
    checks.push(if found.workers == 0 {
        Check::warning("workers", text, "no worker is connected: start user-import work")
    } else {
        Check::ok("workers", text)
    });
    if found.workers > 0 && !found.unread.is_empty() {
        checks.push(Check::warning(
            "unread queues",
            format!("no worker reads {}", first(&found.unread)),
            "has a node of the broker failed, so that these queues have no leader (rabbitmqctl list_queues name leader)? Workers go on \
             without them, and read them when they answer. Otherwise give all workers the same AMQP_SHARDS and release",
        ));
    }
    checks.push(events(&found, options.topology().dialer_queue().as_str()));
    checks
}

fn permissions(found: &Examined) -> Check {
    const NAME: &str = "broker permissions";
    if found.refused.is_empty() {
        return Check::ok(NAME, "may declare, publish and read");
    }
    let advice = if found
        .refused
        .iter()
        .any(|refusal| refusal.contains("PRECONDITION_FAILED"))
    {
        "a queue is not declared as this release declares it: delete it while it is empty, then user-import topology"
    } else {
        "give the user configure, write and read on ^(imports(\\..+)?|dialer\\.import-events)$"
    };
    Check::failed(NAME, format!("refused: {}", first(&found.refused)), advice)
}

/// Whether all workers agree on the number of shards. Nobody reads the queues beyond it.
fn shards(found: &Examined, ours: u16) -> Check {
    const NAME: &str = "shards";
    let declared = found.declared_shards;
    let Depth { messages, consumers } = found.surplus;
    if declared == ours {
        return Check::ok(NAME, format!("{ours}, as declared"));
    }
    let text = format!("AMQP_SHARDS is {ours}, but there are queues of {declared} shards");
    if consumers > 0 {
        let text = format!("{text}, which other workers read");
        return Check::warning(NAME, text, "give all workers the same AMQP_SHARDS");
    }
    if messages > 0 {
        let wait = if messages == 1 { "waits" } else { "wait" };
        let text = format!(
            "{text}; {} {wait} in those that nobody reads",
            counted(messages, "message")
        );
        let advice = format!("start workers with AMQP_SHARDS={declared} until these queues are empty");
        return Check::failed(NAME, text, advice);
    }
    let advice =
        format!("set AMQP_SHARDS={declared} for all workers, or delete the queues of shard {ours} and above");
    Check::warning(NAME, format!("{text}; those that nobody reads are empty"), advice)
}

/// Whether the Dialer reads its events.
fn events(found: &Examined, queue: &str) -> Check {
    const NAME: &str = "events";
    let Depth { messages, consumers } = found.events;
    let text = format!("{messages} in {queue}, {}", counted(consumers, "consumer"));
    if messages > 0 && consumers == 0 || messages >= MANY_EVENTS {
        let advice = "check that the Dialer runs and reads its events; imports continue in the meantime";
        Check::warning(NAME, text, advice)
    } else {
        Check::ok(NAME, text)
    }
}

/// The first few; they all have the same cause.
fn first(all: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if let Some(others) = all.len().checked_sub(SHOWN).filter(|others| *others > 0) {
        text.push_str(&format!("; and {others} more"));
    }
    text
}
