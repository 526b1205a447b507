//! What RabbitMQ's management API reports and AMQP does not: alarms, blocked connections, delivery limits, replicas.

use anyhow::{Context, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

use super::{environment::from_environment, http};
use crate::{
    broker::{self, Topology},
    checks::Check,
    policy::DELIVERY_LIMIT,
    secret::Secret,
    tls::Authorities,
    words::counted,
};

/// A Dialer takes an event within milliseconds. This many wait only if it does not.
const MANY_EVENTS: u64 = 1000;

/// How many members RabbitMQ gives a quorum queue, if there are enough nodes. Source: its guide to quorum queues.
const USUAL_MEMBERS: usize = 3;

/// Where the management API is.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub(super) struct Options {
    /// URL of RabbitMQ's management API, with a user who has the tag `monitoring`: http://USER:PASSWORD@HOST:15672;
    /// without it, what AMQP does not report is unchecked
    #[arg(long, env = "RABBITMQ_API_URL", value_name = "URL", hide_env_values = true)]
    rabbitmq_api_url: Option<Secret>,
}

impl Options {
    /// An empty variable counts as not set.
    fn url(&self) -> Option<&Secret> {
        self.rabbitmq_api_url
            .as_ref()
            .filter(|url| !url.expose().is_empty())
    }
}

#[derive(Debug, Deserialize)]
struct Node {
    name: String,
    #[serde(default)]
    running: bool,
    #[serde(default)]
    mem_alarm: bool,
    #[serde(default)]
    disk_free_alarm: bool,
}

#[derive(Debug, Deserialize)]
struct Connection {
    #[serde(default)]
    user: String,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Deserialize)]
struct Queue {
    name: String,
    /// Including those that a consumer holds. Unknown for some seconds after the queue was declared.
    messages: Option<u64>,
    #[serde(default)]
    arguments: Value,
    /// Unknown for the same time.
    effective_policy_definition: Option<Value>,
    /// Empty for the same time.
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    online: Vec<String>,
}

/// The API of one broker.
struct Api<'a> {
    url: Url,
    authorities: Option<&'a Authorities>,
}

impl Api<'_> {
    async fn list<T: DeserializeOwned>(&self, path: &[&str], columns: &str) -> anyhow::Result<Vec<T>> {
        let mut url = self.url.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().push("api").extend(path),
            Err(()) => bail!("it is not an http:// or https:// URL"),
        };
        url.query_pairs_mut().append_pair("columns", columns);
        let answer = http::get(&url, self.authorities).await?;
        match answer.status {
            200 => parse(&answer.body).context("the answer is not that of RabbitMQ"),
            401 => bail!("the user or password is refused, or the user has no tag that grants access"),
            status => bail!("it answers with status {status} for {}", path.join("/")),
        }
    }
}

/// If a key appears twice, as `online` of a queue does while the broker gathers its figures, the last value counts.
fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<Vec<T>, serde_json::Error> {
    serde_json::from_value(serde_json::from_slice(answer)?)
}

/// The checks that the API makes possible, if it is configured.
pub(super) async fn management(options: &Options) -> Vec<Check> {
    const NAME: &str = "management API";
    const ADVICE: &str =
        "set RABBITMQ_API_URL to http://USER:PASSWORD@HOST:15672, with a user that has the tag monitoring";
    let failed = |error: String| vec![Check::failed(NAME, error, ADVICE)];
    // What is wrong with AMQP_URL is reported by the check of the broker.
    let Ok(broker) = from_environment::<broker::Options>() else {
        return Vec::new();
    };
    let Some(url) = options.url() else {
        let found = "alarms of other nodes, blocked connections, delivery limits and replicas: AMQP does not report them";
        return vec![Check::unchecked(NAME, found, ADVICE)];
    };
    let api = match Url::parse(url.expose()) {
        Ok(url) => Api {
            url,
            authorities: broker.amqp_ca_file.as_ref(),
        },
        // The error's own text would show it.
        Err(_) => return failed("RABBITMQ_API_URL is not a URL".to_owned()),
    };
    match examine(&api, &broker).await {
        Ok(checks) => checks,
        Err(error) => failed(format!("{error:#}")),
    }
}

/// The broker's time, if it can be asked.
pub(super) async fn time(options: &Options) -> Option<OffsetDateTime> {
    let url = options.url()?;
    let authorities = from_environment::<broker::Options>().ok()?.amqp_ca_file;
    let url = Url::parse(url.expose()).ok()?;
    http::get(&url, authorities.as_ref()).await.ok()?.date
}

async fn examine(api: &Api<'_>, options: &broker::Options) -> anyhow::Result<Vec<Check>> {
    let nodes: Vec<Node> = api
        .list(&["nodes"], "name,running,mem_alarm,disk_free_alarm")
        .await?;
    let connections: Vec<Connection> = api.list(&["connections"], "user,state").await?;
    let columns = "name,messages,arguments,effective_policy_definition,members,online";
    let vhost = options.vhost()?;
    let queues: Vec<Queue> = api.list(&["queues", &vhost], columns).await?;
    let topology = options.topology();
    let (_, ours) = topology.names();
    let ours: Vec<&Queue> = queues
        .iter()
        .filter(|queue| ours.iter().any(|name| name.as_str() == queue.name))
        .collect();
    let events = ours
        .iter()
        .find(|queue| queue.name == topology.dialer_queue().as_str());
    let mut checks = vec![
        alarms(&nodes, &connections),
        delivery_limits(&ours, &topology),
        replicas(&ours, &nodes),
    ];
    checks.extend(events.and_then(|queue| unread_events(queue)));
    Ok(checks)
}

fn alarms(nodes: &[Node], connections: &[Connection]) -> Check {
    const NAME: &str = "broker alarms";
    let mut found = Vec::new();
    for node in nodes {
        for (is_so, what) in [
            (!node.running, "is down"),
            (node.mem_alarm, "is short of memory"),
            (node.disk_free_alarm, "is short of disk space"),
        ] {
            if is_so {
                found.push(format!("{} {what}", node.name));
            }
        }
    }
    let blocked: Vec<&str> = connections
        .iter()
        .filter(|connection| connection.state == "blocked")
        .map(|connection| connection.user.as_str())
        .collect();
    if !blocked.is_empty() {
        let mut users = blocked.clone();
        users.sort_unstable();
        users.dedup();
        found.push(format!(
            "{} of {} connections blocked, of user {}",
            blocked.len(),
            connections.len(),
            users.join(", ")
        ));
    }
    if found.is_empty() {
        return Check::ok(NAME, format!("none; {}", counted(nodes.len(), "node")));
    }
    let advice =
        "rabbitmq-diagnostics alarms; free memory or disk space, or start the node. Workers wait until then";
    Check::failed(NAME, found.join("; "), advice)
}

/// From RabbitMQ 4.0 on, a queue without a limit of its own drops messages that were returned 20 times.
fn delivery_limits(ours: &[&Queue], topology: &Topology) -> Check {
    const NAME: &str = "delivery limits";
    let limit = |queue: &Queue| {
        let argument = queue.arguments.get("x-delivery-limit");
        let policy = queue.effective_policy_definition.as_ref();
        let policy = policy.and_then(|policy| policy.get("delivery-limit"));
        let limits = [argument, policy].into_iter().flatten().filter_map(Value::as_u64);
        // Where both are set, the smaller one counts.
        limits.min()
    };
    let unlimited = [topology.dead(), topology.dialer_queue()];
    let unlimited: Vec<&&Queue> = ours
        .iter()
        .filter(|queue| unlimited.iter().any(|name| name.as_str() == queue.name))
        .collect();
    if unlimited
        .iter()
        .any(|queue| queue.effective_policy_definition.is_none())
    {
        return not_told(NAME);
    }
    let dropping: Vec<&str> = unlimited
        .iter()
        .filter(|queue| limit(queue).is_none_or(|limit| limit <= u64::from(DELIVERY_LIMIT)))
        .map(|queue| queue.name.as_str())
        .collect();
    if dropping.is_empty() {
        return Check::ok(NAME, "a policy keeps messages that are returned often");
    }
    let found = format!(
        "RabbitMQ drops, from 4.0 on, messages returned {DELIVERY_LIMIT} times, and no policy prevents that for {}",
        dropping.join(", ")
    );
    Check::warning(
        NAME,
        found,
        "set the policy given in the runbook's section \"Delivery limits\"",
    )
}

fn replicas(ours: &[&Queue], nodes: &[Node]) -> Check {
    const NAME: &str = "replicas";
    let wanted = nodes.len().min(USUAL_MEMBERS);
    if ours.iter().any(|queue| queue.members.is_empty()) {
        return not_told(NAME);
    }
    let few = |queue: &&&Queue| queue.members.len() < wanted;
    let away = |queue: &&&Queue| queue.online.len() < queue.members.len();
    let (few, away): (Vec<_>, Vec<_>) = (
        ours.iter().filter(few).collect(),
        ours.iter().filter(away).collect(),
    );
    let example = |queues: &[&&Queue]| queues.first().map(|queue| queue.name.clone()).unwrap_or_default();
    let mut found = Vec::new();
    if !few.is_empty() {
        found.push(format!(
            "{} of {} queues are on fewer than {wanted} of {} nodes ({}, …)",
            few.len(),
            ours.len(),
            nodes.len(),
            example(&few)
        ));
    }
    if !away.is_empty() {
        found.push(format!(
            "{} of {} queues have a replica that is offline ({}, …)",
            away.len(),
            ours.len(),
            example(&away)
        ));
    }
    if found.is_empty() {
        return Check::ok(
            NAME,
            format!("each queue is on {wanted} of {} nodes", nodes.len()),
        );
    }
    let advice = "rabbitmq-queues grow NODE all gives a node its replicas; start nodes that are down";
    Check::warning(NAME, found.join("; "), advice)
}

fn not_told(check: &'static str) -> Check {
    Check::unchecked(
        check,
        "RabbitMQ has not reported it for all queues yet",
        "run doctor again in a few seconds",
    )
}

/// Including events that the Dialer holds without acknowledging them, which AMQP does not count.
fn unread_events(queue: &Queue) -> Option<Check> {
    let messages = queue.messages.filter(|messages| *messages >= MANY_EVENTS)?;
    let found = format!(
        "{messages} in {}, including those that the Dialer holds",
        queue.name
    );
    let advice = "check that the Dialer reads and acknowledges its events; imports continue in the meantime";
    Some(Check::warning("unread events", found, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_no_error() {
        let answer = br#"[{"name": "q", "online": [], "members": ["a"], "online": ["a"]}]"#;
        let queues: Vec<Queue> = parse(answer).unwrap();
        assert_eq!(queues[0].online, ["a"]);
    }
}
