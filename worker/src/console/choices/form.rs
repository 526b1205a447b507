//! What a form says.

use std::collections::{BTreeMap, HashMap, HashSet};

use shared::{contract::Id, field::Field, names};

use super::{
    chosen::{COLUMNS, Choices, From, LISTS, ListChoice, SipKind, TWO_FACTOR},
    names::MOST_NAMES,
};
use crate::console::form::Fields;

/// Texts of one list that are kept, including those that the current file does not have.
const MOST_KEPT_NAMES: usize = 5 * MOST_NAMES;

impl Choices {
    /// What a form says. A choice that it does not show stays as it was.
    pub(in crate::console) fn read(form: &Fields, before: Self) -> Self {
        let value = |name: &str| form.value(name).map(str::trim);
        let mut choices = Self {
            chosen: true,
            remembered: false,
            generate: value("generate").is_some(),
            advanced: value("advanced").is_some(),
            digits_only: value("digits_only").is_some(),
            ..before
        };
        // A suggestion made because there was no column ends with the choice of one.
        let had_no_column = !choices.columns.contains_key(&Field::VirtualExtension);
        choices.generate_suggested &= choices.generate;
        for field in COLUMNS {
            match value(&format!("column.{field}")) {
                Some("") => drop(choices.columns.remove(&field)),
                Some(column) => drop(choices.columns.insert(field, column.to_owned())),
                None => {}
            }
        }
        let has_column = choices.columns.contains_key(&Field::VirtualExtension);
        if had_no_column && has_column && choices.generate_suggested {
            (choices.generate, choices.generate_suggested) = (false, false);
        }
        for field in LISTS {
            let Some(from) = value(&format!("from.{field}")) else {
                continue;
            };
            let list = choices.lists.entry(field).or_default();
            (list.from, list.column) = match (from, from.strip_prefix("column:")) {
                (_, Some(column)) => (From::Column, column.to_owned()),
                ("dialer", _) => (From::Dialer, String::new()),
                _ => (From::Nowhere, String::new()),
            };
            if value(&format!("shown.{field}")).is_some() {
                list.ids = form.values(&format!("ids.{field}")).filter_map(id).collect();
            }
            list.read_names(field, form);
        }
        if let Some(kind) = value("sip") {
            let kinds = SipKind::ALL.iter();
            choices.sip = kinds
                .map(|(own, name, ..)| (own, name))
                .find(|(_, name)| **name == kind)
                .map_or(SipKind::Webrtc, |(own, _)| *own);
        }
        if let Some(domain) = value("pbx_domain") {
            choices.pbx_domain = id(domain);
        }
        if let Some(kind) = value("two_factor") {
            let kinds = TWO_FACTOR.iter().map(|(own, ..)| *own);
            choices.two_factor = kinds
                .into_iter()
                .find(|own| own.as_str() == kind)
                .unwrap_or_default();
        }
        for (name, text) in [
            ("max_session_minutes", &mut choices.max_session_minutes),
            ("max_concurrent_sessions", &mut choices.max_concurrent_sessions),
        ] {
            if let Some(value) = value(name) {
                *text = value.chars().take(20).collect();
            }
        }
        choices
    }
}

impl ListChoice {
    /// Pairs of fields: a text of the column, and the ID that was chosen for it.
    fn read_names(&mut self, field: Field, form: &Fields) {
        let (texts, ids) = (format!("text.{field}."), format!("id.{field}."));
        let ids: HashMap<&str, &str> = form.with_prefix(&ids).collect();
        let shown: BTreeMap<String, Option<Id>> = form
            .with_prefix(&texts)
            .take(MOST_NAMES)
            .map(|(index, text)| (text.to_owned(), ids.get(index).and_then(|value| id(value))))
            .collect();
        // A name is the same one, however it is spelled.
        let spelled_anew: HashSet<String> = shown.keys().map(|text| names::fold(text)).collect();
        self.names
            .retain(|text, _| !spelled_anew.contains(&names::fold(text)));
        self.names.extend(shown.clone());
        // Those of earlier files are kept while there is room.
        if self.names.len() > MOST_KEPT_NAMES {
            self.names = shown;
        }
    }
}

/// An ID as a form gives it.
fn id(text: &str) -> Option<Id> {
    text.trim()
        .parse::<i64>()
        .ok()
        .and_then(|id| Id::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_form_makes_a_job() {
        let choices = Choices::read(
            &Fields::of(&[
                ("column.username", "Login"),
                ("column.email", "Mail"),
                ("column.virtual_extension", ""),
                ("generate", "on"),
                ("from.role", "column:Role"),
                ("text.role.0", "Agents"),
                ("id.role.0", "10"),
                ("text.role.1", "Unknown"),
                ("id.role.1", ""),
                ("from.desks", "dialer"),
                ("shown.desks", "1"),
                ("ids.desks", "20"),
                ("ids.desks", "21"),
                ("sip", "classic_pbx"),
                ("pbx_domain", "50"),
                ("column.pbx_device", "Device"),
                ("two_factor", "google"),
                ("advanced", "on"),
                ("max_session_minutes", "480"),
                ("max_concurrent_sessions", ""),
            ]),
            Choices::default(),
        );
        let settings = choices.settings().unwrap();
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            serde_json::json!({
                "encoding": null,
                "fields": {
                    "username": { "column": "Login" },
                    "email": { "column": "Mail" },
                    "virtual_extension": { "generate": true },
                    "role": { "column": "Role", "names": { "Agents": [10] } },
                    "desks": { "values": [20, 21] },
                    "skill_groups": { "values": [] },
                    "tags": { "values": [] },
                    "pbx_device": { "column": "Device" },
                },
                "sip": { "kind": "classic_pbx", "pbx_domain_id": 50 },
                "two_factor": "google",
                "security": { "max_session_minutes": 480 },
                "password": { "digits_only": false },
            })
        );
        // What is stored comes back as it was.
        assert_eq!(Choices::stored(&choices.to_json()), choices);
    }

    #[test]
    fn an_unfinished_form_is_kept_and_says_what_is_missing() {
        for (pairs, missing) in [
            (&[][..], &["username", "email", "virtual_extension", "role"][..]),
            (
                &[
                    ("column.username", "U"),
                    ("column.email", "E"),
                    ("generate", "on"),
                    ("from.role", "dialer"),
                ][..],
                &["role"][..],
            ),
            (
                &[
                    ("column.username", "U"),
                    ("column.email", "E"),
                    ("generate", "on"),
                    ("from.role", "dialer"),
                    ("shown.role", "1"),
                    ("ids.role", "10"),
                    ("sip", "classic_pbx"),
                    ("advanced", "on"),
                    ("max_session_minutes", "0"),
                    ("max_concurrent_sessions", "two"),
                ][..],
                &[
                    "pbx_domain",
                    "pbx_device",
                    "max_session_minutes",
                    "max_concurrent_sessions",
                ][..],
            ),
        ] {
            let choices = Choices::read(&Fields::of(pairs), Choices::default());
            let told = choices.settings().unwrap_err();
            assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), missing);
            assert_eq!(Choices::stored(&choices.to_json()), choices);
        }
    }

    #[test]
    fn what_a_form_does_not_show_stays() {
        let before = Choices {
            pbx_domain: Id::try_from(50).ok(),
            columns: [(Field::PbxDevice, "Device".to_owned())].into(),
            ..Choices::default()
        };
        let after = Choices::read(&Fields::of(&[("sip", "webrtc")]), before.clone());
        assert_eq!(
            (after.pbx_domain, after.columns),
            (before.pbx_domain, before.columns)
        );
    }

    #[test]
    fn generating_ends_with_the_choice_of_a_column_unless_it_was_wanted() {
        let suggested = Choices {
            generate: true,
            generate_suggested: true,
            ..Choices::default()
        };
        let column = ("column.virtual_extension", "Ext");
        let on = ("generate", "on");
        let chosen = Choices::read(&Fields::of(&[column, on]), suggested.clone());
        assert!(!chosen.generate, "nobody asked for it");
        let wanted = Choices::read(&Fields::of(&[column, on]), chosen);
        assert!(wanted.generate, "it was ticked beside the column");
        let unticked = Choices::read(&Fields::of(&[]), suggested);
        let ticked = Choices::read(&Fields::of(&[on]), unticked);
        assert!(
            Choices::read(&Fields::of(&[column, on]), ticked).generate,
            "it was ticked before"
        );
    }
}
