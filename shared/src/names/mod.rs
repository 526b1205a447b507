//! Names of columns: when two are the same, and which field they mean.

mod misspelt;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::{cell::is_space, field::Field};
pub use misspelt::resembles;

/// The columns that the error CSV appends, in its order. A file that has them is one of our reports, uploaded again.
pub const REPORT_COLUMNS: [&str; 5] = [
    "Import Row",
    "Import Line",
    "Import Result",
    "Import Error Codes",
    "Import Errors",
];

/// What a column's name says about the field that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// The field's own name, singular or plural.
    Own(Field),
    /// Another name for the field; the field's own name wins over it.
    Synonym(Field),
}

impl Recognised {
    /// The field that the name means.
    pub fn field(self) -> Field {
        match self {
            Self::Own(field) | Self::Synonym(field) => field,
        }
    }
}

/// At most this many characters of a name are normalised. Anything longer is text that nobody would name a column by,
/// and costly: the NFKC form can be eighteen times as long.
const MAX_NAME_CHARS: usize = 100;

/// The form in which names are compared: without regard to case, spaces, `_`, `-` and the marks `*`, `:` and `.`, to one
/// remark in brackets at the end, to characters that cannot be seen, and to how Unicode spells the others.
pub fn normalise(name: &str) -> String {
    if name.chars().nth(MAX_NAME_CHARS).is_some() {
        return name.to_owned();
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let composed = nfkc.normalize(name);
    let marks = |name: &str| -> String { name.chars().filter(|&c| !is_mark(c)).collect() };
    let name = without_remark(&composed)
        .map(marks)
        .filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| marks(&composed));
    // Folding can decompose what the form had composed.
    nfkc.normalize(&CaseMapper::new().fold_string(&name)).into_owned()
}

/// What has no meaning in a name.
fn is_mark(c: char) -> bool {
    is_space(c) || is_zero_width(c) || matches!(c, '_' | '-' | '*' | ':' | '.')
}

/// The name before a remark, such as `Role ID` in `Role ID (required)*`.
fn without_remark(name: &str) -> Option<&str> {
    let name = name.trim_end_matches(is_mark);
    let (open, rest) = match name.strip_suffix(')') {
        Some(rest) => ('(', rest),
        None => ('[', name.strip_suffix(']')?),
    };
    rest.rsplit_once(open).map(|(name, _)| name)
}

/// Zero-width spaces, joiners and marks of direction, and the soft hyphen, as web pages and word processors leave them.
fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}')
}

/// At most this many characters of texts are compared, for the reason given for names.
const MAX_TEXT_CHARS: usize = 1000;

/// The form in which texts of cells are compared with the names that a job gives to IDs: NFKC, without regard to case
/// and to the number of consecutive blanks.
pub fn fold(text: &str) -> String {
    if text.chars().nth(MAX_TEXT_CHARS).is_some() {
        return text.to_owned();
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let folded = nfkc
        .normalize(&CaseMapper::new().fold_string(&nfkc.normalize(text)))
        .into_owned();
    folded
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the name of a column of passwords contains, in the languages of our users, normalised.
const PASSWORDS: [&str; 15] = [
    "password",
    "passwort",
    "kennwort",
    "passwd",
    "pwd",
    "contraseña",
    "contrasena",
    "motdepasse",
    "wachtwoord",
    "hasło",
    "haslo",
    "senha",
    "пароль",
    "パスワード",
    "密码",
];

/// Whether the normalised name is that of a column of passwords, whose cells are never kept.
pub fn is_password(normalised: &str) -> bool {
    PASSWORDS.iter().any(|word| normalised.contains(word))
}

/// Whether normalised names are those of our success CSV.
pub(crate) fn is_success_report(normalised: &[String]) -> bool {
    ["userid", "temporarypassword"]
        .iter()
        .all(|wanted| normalised.iter().any(|name| name == wanted))
}

/// Which of [`REPORT_COLUMNS`] the normalised name is, by its index.
pub fn report_column(normalised: &str) -> Option<usize> {
    match normalised {
        "importrow" => Some(0),
        "importline" => Some(1),
        "importresult" => Some(2),
        "importerrorcodes" => Some(3),
        "importerrors" => Some(4),
        _ => None,
    }
}

/// Which field the normalised name means.
///
/// The help page copies IDs "from the ID columns" and calls the page of the desks "User Desks", hence the IDs and
/// the user desks.
pub fn recognise(normalised: &str) -> Option<Recognised> {
    use Recognised::{Own, Synonym};

    Some(match normalised {
        "username" | "usernames" => Own(Field::Username),
        "login" | "loginname" => Synonym(Field::Username),

        "email" | "emails" => Own(Field::Email),
        "mail" | "emailaddress" => Synonym(Field::Email),

        "virtualextension" | "virtualextensions" => Own(Field::VirtualExtension),
        "extension" | "ext" | "virtualext" => Synonym(Field::VirtualExtension),

        "role" | "roles" => Own(Field::Role),
        "roleid" | "roleids" | "rolesid" | "rolesids" => Synonym(Field::Role),

        "desk" | "desks" => Own(Field::Desks),
        "deskid" | "deskids" | "desksid" | "desksids" | "userdesk" | "userdesks" | "userdeskid"
        | "userdeskids" | "userdesksid" | "userdesksids" => Synonym(Field::Desks),

        "skillgroup" | "skillgroups" => Own(Field::SkillGroups),
        "skillgroupid" | "skillgroupids" | "skillgroupsid" | "skillgroupsids" => Synonym(Field::SkillGroups),

        "tag" | "tags" => Own(Field::Tags),
        "tagid" | "tagids" | "tagsid" | "tagsids" => Synonym(Field::Tags),

        "pbxdevice" | "pbxdevices" => Own(Field::PbxDevice),
        "device" | "pbxextension" => Synonym(Field::PbxDevice),

        "sipuri" | "sipuris" => Own(Field::SipUri),
        "sip" | "customuri" => Synonym(Field::SipUri),

        "firstname" | "firstnames" => Own(Field::FirstName),
        "givenname" => Synonym(Field::FirstName),

        "lastname" | "lastnames" => Own(Field::LastName),
        "surname" | "familyname" => Synonym(Field::LastName),

        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn case_spaces_underscores_and_hyphens_do_not_matter() {
        for name in [
            "User Name",
            "user_name",
            "USER-NAME",
            " username ",
            "User\u{A0}Name",
            "\u{FEFF}Username",
            "User\u{200B}name",
            "\u{200E}User\u{AD}\u{2060}name\u{200D}",
            "Ｕｓｅｒ＿Ｎａｍｅ",
        ] {
            assert_eq!(normalise(name), "username", "{name:?}");
        }
        assert_eq!(normalise("STRASSE"), normalise("Straße"));
        assert_eq!(normalise("Pre\u{301}nom"), normalise("PRÉNOM"));
        assert_eq!(normalise("\u{3AA}\u{301}"), normalise("\u{390}"));
    }

    #[test]
    fn marks_and_one_remark_do_not_matter() {
        for (name, normalised) in [
            ("E-mail*", "email"),
            ("Ext.", "ext"),
            ("User name:", "username"),
            ("Role ID (required)", "roleid"),
            ("Role ID (required)*", "roleid"),
            ("Desks [IDs; several]", "desks"),
            ("（Email）", "(email)"),
            ("(Email)", "(email)"),
            ("a (b) (c)", "a(b)"),
            ("(a) b", "(a)b"),
        ] {
            assert_eq!(normalise(name), normalised, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_compared_as_it_is() {
        let name = "ﷺ".repeat(101);
        assert_eq!(normalise(&name), name);
    }

    #[test]
    fn texts_are_compared_without_regard_to_case_and_blanks() {
        for (text, folded) in [
            (" Team  Lead\u{A0}", "team lead"),
            ("ＴＥＡＭ\tLEAD", "team lead"),
            ("Straße", "strasse"),
            ("team-lead", "team-lead"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn columns_of_passwords_are_recognised() {
        for name in [
            "Password",
            "Initial-Passwort",
            "Kennwort*",
            "passwd",
            "PWD",
            "Contraseña nueva",
            "Senha",
            "Пароль",
            "Mot de passe",
            "Contrasena",
            "Hasło",
            "Wachtwoord",
            "初期パスワード",
            "Pass word",
        ] {
            assert!(is_password(&normalise(name)), "{name}");
        }
        for name in ["Passport", "Pass", "PIN", "Username"] {
            assert!(!is_password(&normalise(name)), "{name}");
        }
    }

    #[test]
    fn every_field_is_recognised_by_its_own_name_and_by_the_plural() {
        for &field in Field::VARIANTS {
            assert_eq!(
                recognise(&normalise(field.as_str())),
                Some(Recognised::Own(field))
            );
            let plural = format!("{}s", field.as_str().trim_end_matches('s'));
            assert_eq!(recognise(&normalise(&plural)), Some(Recognised::Own(field)));
        }
    }

    #[test]
    fn synonyms_are_recognised() {
        for (name, field) in [
            ("Login", Field::Username),
            ("login name", Field::Username),
            ("Mail", Field::Email),
            ("Email Address", Field::Email),
            ("E-Mail_Address", Field::Email),
            ("Extension", Field::VirtualExtension),
            ("EXT", Field::VirtualExtension),
            ("virtual ext", Field::VirtualExtension),
            ("Role ID", Field::Role),
            ("Roles IDs", Field::Role),
            ("Desk Ids", Field::Desks),
            ("User Desk", Field::Desks),
            ("User Desks ID", Field::Desks),
            ("Skill Group ID", Field::SkillGroups),
            ("skill-groups-ids", Field::SkillGroups),
            ("Tag IDs", Field::Tags),
            ("Device", Field::PbxDevice),
            ("PBX extension", Field::PbxDevice),
            ("SIP", Field::SipUri),
            ("Custom URI", Field::SipUri),
            ("Given name", Field::FirstName),
            ("Surname", Field::LastName),
            ("family_name", Field::LastName),
        ] {
            assert_eq!(
                recognise(&normalise(name)),
                Some(Recognised::Synonym(field)),
                "{name}"
            );
        }
        for own in ["E-Mail", "User Name"] {
            assert!(
                matches!(recognise(&normalise(own)), Some(Recognised::Own(_))),
                "{own}"
            );
        }
        for unknown in ["", "name", "id", "phone", "role name", "import row"] {
            assert_eq!(recognise(&normalise(unknown)), None, "{unknown}");
        }
    }

    #[test]
    fn the_report_s_own_columns_are_recognised_in_order() {
        for (index, name) in REPORT_COLUMNS.iter().enumerate() {
            assert_eq!(report_column(&normalise(name)), Some(index));
        }
        assert_eq!(report_column("importerror"), None);
    }
}
