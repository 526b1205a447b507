//! Secrets from files, as orchestrators mount them: if a secret's variable is not set, the file that VARIABLE_FILE
//! names is read. Secrets are the options whose values the help hides.

use clap::{Arg, Command};

/// The command with its secrets read from files, and an error for each file that could not be read.
pub(super) fn applied(command: Command) -> (Command, Vec<String>) {
    let mut unread = Vec::new();
    let command = with_files(command, &mut unread);
    unread.dedup();
    (command, unread)
}

fn with_files(command: Command, unread: &mut Vec<String>) -> Command {
    command
        .mut_args(|arg| from_file(arg, unread))
        .mut_subcommands(|command| with_files(command, unread))
}

fn from_file(arg: Arg, unread: &mut Vec<String>) -> Arg {
    let Some(variable) = arg.get_env().filter(|_| arg.is_hide_env_values_set()) else {
        return arg;
    };
    let name = format!("{}_FILE", variable.to_string_lossy());
    let Some(path) = std::env::var_os(&name).filter(|_| std::env::var_os(variable).is_none()) else {
        return arg;
    };
    match std::fs::read_to_string(&path) {
        Ok(secret) => arg
            .required(false)
            // It lives as long as the value of an environment variable.
            .default_value(&*secret.trim_end_matches(['\n', '\r']).to_owned().leak())
            .hide_default_value(true),
        Err(error) => {
            unread.push(format!("{name}: cannot read {}: {error}", path.display()));
            arg
        }
    }
}
