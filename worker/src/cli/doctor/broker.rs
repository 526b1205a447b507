//! The broker: whether it is there, its exchanges and queues, what our user may do, who works.

use super::{check::Check, environment::from_environment};
use crate::broker;

pub(super) async fn broker() -> Vec<Check> {
    let options = match from_environment::<broker::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed("broker", error, "set AMQP_URL")],
    };
    let found = match broker::examine(&options).await {
        Ok(found) => found,
        Err(error) => {
            let advice =
                "is the server up, and is AMQP_URL right (user, password, host, port, virtual host)?";
            return vec![Check::failed("broker", error.to_string(), advice)];
        }
    };
    let server = found.version.as_deref().unwrap_or("of unknown version");
    let mut checks = vec![Check::ok("broker", format!("RabbitMQ {server}"))];
    if !found.missing.is_empty() {
        checks.push(Check::failed(
            "topology",
            format!("missing: {}", found.missing.join(", ")),
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
    checks.push(if found.refused.is_empty() {
        Check::ok("broker permissions", "may publish and read")
    } else {
        Check::failed(
            "broker permissions",
            found.refused.join("; "),
            "give the user configure, write and read on ^(imports(\\..+)?|dialer\\.import-events)$",
        )
    });
    let text = format!("{} connected, {} messages waiting", found.workers, found.waiting);
    checks.push(if found.workers == 0 {
        Check::warning("workers", text, "no worker is connected: start user-import work")
    } else {
        Check::ok("workers", text)
    });
    checks.push(delivery_limit(found.version.as_deref()));
    checks
}

/// Whether the server drops messages that are returned too often. AMQP shows no policies.
fn delivery_limit(version: Option<&str>) -> Check {
    const NAME: &str = "delivery limit";
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < 4) {
        return Check::ok(NAME, "this server has none of its own");
    }
    let found = "RabbitMQ drops an event after 20 returns, from 4.0 on, unless a policy forbids it; policies cannot be seen from here";
    let advice = "rabbitmqctl list_policies must show one for imports.dead and dialer.import-events; the runbook has it";
    Check::warning(NAME, found, advice)
}
