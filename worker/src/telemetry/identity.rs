//! Which process this is: its name is in every line of a JSON log, in the metrics and in the traces.

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Maximum length of a name: as much as DNS allows for a host.
const MAX_NAME_BYTES: usize = 253;

/// The name, unless one is configured: host name and process ID. Two workers of one host differ, and so does a worker from
/// the one that ran before it.
pub fn default_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "localhost",
        host => host,
    };
    format!("{host}-{}", std::process::id())
}

/// A configured name: what metrics and traces can carry as a label without escapes.
pub fn parse_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(format!("a name has 1 to {MAX_NAME_BYTES} characters"));
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    {
        Ok(text.to_owned())
    } else {
        Err("a name is ASCII, without blanks, quotes or backslashes".to_owned())
    }
}
