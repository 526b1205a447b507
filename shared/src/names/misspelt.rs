//! Names of columns that mean no field, but look like the name of one.

use strsim::osa_distance;

use super::{Recognised, recognise};
use crate::field::Field;

/// The field whose name the normalised name, which means no field, may be a misspelling of.
pub fn resembles(normalised: &str) -> Option<Field> {
    let length = normalised.chars().count();
    if !(4..=40).contains(&length) || recognise(normalised).is_some() {
        return None;
    }
    // One mistake in a short name, two in a long one.
    let most = if length < 8 { 1 } else { 2 };
    let close = ALL_NAMES.iter().filter_map(|&name| {
        let distance = osa_distance(normalised, name);
        (distance <= most).then_some((distance, name))
    });
    let (_, name) = close.min_by_key(|(distance, _)| *distance)?;
    recognise(name).map(Recognised::field)
}

/// Names that are long enough to be recognised with a mistake in them.
const ALL_NAMES: [&str; 25] = [
    "username",
    "loginname",
    "login",
    "email",
    "emailaddress",
    "virtualextension",
    "extension",
    "virtualext",
    "role",
    "roles",
    "roleid",
    "desk",
    "desks",
    "deskid",
    "userdesks",
    "skillgroup",
    "skillgroups",
    "skillgroupid",
    "tags",
    "pbxdevice",
    "device",
    "sipuri",
    "firstname",
    "lastname",
    "surname",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::normalise;

    #[test]
    fn misspelt_names_resemble_a_field() {
        for (name, field) in [
            ("Skil Groups", Field::SkillGroups),
            ("Skill Gruops", Field::SkillGroups),
            ("Usernme", Field::Username),
            ("Frist Name", Field::FirstName),
            ("Emial", Field::Email),
            ("Exstension", Field::VirtualExtension),
            ("Rolle", Field::Role),
        ] {
            assert_eq!(resembles(&normalise(name)), Some(field), "{name}");
        }
        for name in ["Phone", "Notes", "ID", "Name", "Username", "Department", "Street"] {
            assert_eq!(resembles(&normalise(name)), None, "{name}");
        }
    }
}
