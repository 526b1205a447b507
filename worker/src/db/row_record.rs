//! A row as `jsonb_to_recordset` takes it.

use serde::Serialize;
use shared::{
    assess::{AssessedRow, Assessment},
    contract::{Id, job::Mode},
    problem::Problem,
};

/// A row as the statements that write rows take it.
#[derive(Debug, Serialize)]
pub(super) struct RowRecord<'a> {
    row_number: u32,
    line: u32,
    pub(super) outcome: &'static str,
    problems: &'a [Problem],
    #[serde(flatten)]
    user: Option<UserRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct UserRecord<'a> {
    username: &'a str,
    username_key: &'a str,
    email: &'a str,
    virtual_extension: &'a str,
    extension_generated: bool,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    pbx_device: Option<&'a str>,
    sip_uri: Option<&'a str>,
    role_ids: &'a [Id],
    desk_ids: &'a [Id],
    skill_group_ids: &'a [Id],
    tag_ids: &'a [Id],
}

impl<'a> RowRecord<'a> {
    pub(super) fn of(row: &'a AssessedRow, mode: Mode) -> Self {
        let (outcome, problems, user) = match &row.assessment {
            Assessment::Refused { outcome, problems } => (outcome.as_str(), problems.as_slice(), None),
            Assessment::Valid(user) => {
                let outcome = match mode {
                    Mode::Import => "pending",
                    // Nothing will be created, so nothing is left to do for the row.
                    Mode::Validate => "created",
                };
                let user = UserRecord {
                    username: user.username.as_str(),
                    username_key: user.username.key(),
                    email: user.email.as_str(),
                    virtual_extension: user.virtual_extension.as_str(),
                    extension_generated: user.extension_generated,
                    first_name: user.first_name.as_ref().map(|name| name.as_str()),
                    last_name: user.last_name.as_ref().map(|name| name.as_str()),
                    pbx_device: user.pbx_device.as_ref().map(|device| device.as_str()),
                    sip_uri: user.sip_uri.as_ref().map(|uri| uri.as_str()),
                    role_ids: &user.roles,
                    desk_ids: &user.desks,
                    skill_group_ids: &user.skill_groups,
                    tag_ids: &user.tags,
                };
                (outcome, [].as_slice(), Some(user))
            }
        };
        Self {
            row_number: row.row,
            line: row.line,
            outcome,
            problems,
            user,
        }
    }
}
