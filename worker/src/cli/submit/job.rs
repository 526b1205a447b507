//! From options to a job.

use std::num::NonZeroU32;

use clap::ValueEnum;
use shared::{
    contract::{
        Id, Version,
        job::{
            ColumnSource, ExtensionSource, Extensions, Fields, FixedList, FixedRole, IdColumn, Job,
            ListSource, Mode, PasswordOptions, RoleSource, Security, Sip, Source, TwoFactor,
        },
    },
    field::Field,
    file::Encoding,
};
use uuid::Uuid;

use crate::{cli::options::Misconfigured, words::whole_number};

/// Options that make up the job.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// ID of the tenant
    #[arg(long, value_name = "ID", value_parser = id)]
    tenant: Id,
    /// Encoding of the file, if it is not UTF-8, UTF-16 with a byte order mark, or Windows-1252: a label of the WHATWG
    /// Encoding Standard, like windows-1250 or shift_jis
    #[arg(long, value_name = "LABEL")]
    encoding: Option<Encoding>,
    /// Take a field from a column of the file; unmapped fields are matched to the header by their names
    ///
    /// Fields: username, email, virtual_extension, role, desks, skill_groups, tags, pbx_device, sip_uri, first_name,
    /// last_name.
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = mapped)]
    maps: Vec<(Field, String)>,
    /// Give all users the same role=ID, desks=ID,…, skill_groups=ID,… or tags=ID,…
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = set)]
    sets: Vec<(Field, Vec<Id>)>,
    /// Generate virtual extensions from the tenant's range; with --map virtual_extension=…, for blank cells only
    #[arg(long)]
    generate_extensions: bool,
    /// How the users make calls
    #[arg(long, value_enum, default_value_t = SipKind::Webrtc)]
    sip: SipKind,
    /// PBX domain of the users; with --sip classic_pbx only
    #[arg(long, value_name = "ID", value_parser = id)]
    pbx_domain: Option<Id>,
    /// Two-factor authentication of the users; default leaves it to role and tenant
    #[arg(long, value_enum, default_value_t = TwoFactorKind::Default)]
    two_factor: TwoFactorKind,
    /// Maximum length of a session in minutes [default: unlimited]
    #[arg(long, value_name = "MINUTES", value_parser = whole_number(NonZeroU32::MIN..=NonZeroU32::MAX))]
    max_session_minutes: Option<NonZeroU32>,
    /// Maximum number of concurrent sessions of a user [default: unlimited]
    #[arg(long, value_name = "N", value_parser = whole_number(NonZeroU32::MIN..=NonZeroU32::MAX))]
    max_concurrent_sessions: Option<NonZeroU32>,
    /// Generate passwords of digits only (not recommended)
    #[arg(long)]
    digits_only: bool,
    /// Check the file and report what would happen, but create no user
    #[arg(long)]
    validate_only: bool,
    /// Who requested the import, for the audit trail
    #[arg(long, value_name = "TEXT")]
    requested_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SipKind {
    Webrtc,
    ClassicPbx,
    CustomUri,
    BuiltinPbx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum TwoFactorKind {
    Default,
    Disabled,
    Email,
    Google,
}

impl Args {
    /// The job without its source, unless options conflict.
    pub(super) fn job(&self, import_id: Uuid) -> Result<Job, Misconfigured> {
        let sip = match (self.sip, self.pbx_domain) {
            (SipKind::ClassicPbx, Some(pbx_domain_id)) => Sip::ClassicPbx { pbx_domain_id },
            (SipKind::ClassicPbx, None) => return usage("--sip classic_pbx needs --pbx-domain"),
            (_, Some(_)) => return usage("--pbx-domain can only be used with --sip classic_pbx"),
            (SipKind::Webrtc, None) => Sip::Webrtc {},
            (SipKind::CustomUri, None) => Sip::CustomUri {},
            (SipKind::BuiltinPbx, None) => Sip::BuiltinPbx {},
        };
        Ok(Job {
            version: Version,
            import_id,
            tenant_id: self.tenant,
            requested_by: self.requested_by.clone(),
            mode: if self.validate_only {
                Mode::Validate
            } else {
                Mode::Import
            },
            source: Source {
                key: String::new(),
                etag: None,
                size_bytes: None,
                encoding: self.encoding,
            },
            fields: self.fields()?,
            sip,
            two_factor: match self.two_factor {
                TwoFactorKind::Default => TwoFactor::Default,
                TwoFactorKind::Disabled => TwoFactor::Disabled,
                TwoFactorKind::Email => TwoFactor::Email,
                TwoFactorKind::Google => TwoFactor::Google,
            },
            security: Security {
                max_session_minutes: self.max_session_minutes,
                max_concurrent_sessions: self.max_concurrent_sessions,
            },
            password: PasswordOptions {
                digits_only: self.digits_only,
            },
        })
    }

    fn fields(&self) -> Result<Fields, Misconfigured> {
        let mut fields = Fields::default();
        let mut seen = Vec::new();
        for field in self
            .maps
            .iter()
            .map(|(field, _)| *field)
            .chain(self.sets.iter().map(|(field, _)| *field))
        {
            if seen.contains(&field) {
                return usage(format!(
                    "{field} is given twice: use one --map or one --set for it"
                ));
            }
            seen.push(field);
        }
        let mut extensions = Extensions {
            column: None,
            generate: self.generate_extensions,
        };
        for (field, column) in self.maps.iter().cloned() {
            match field {
                Field::Username => fields.username = Some(ColumnSource::named(column)),
                Field::Email => fields.email = Some(ColumnSource::named(column)),
                Field::VirtualExtension => extensions.column = Some(column),
                Field::Role => fields.role = Some(RoleSource::Column(IdColumn::named(column))),
                Field::Desks => fields.desks = Some(ListSource::Column(IdColumn::named(column))),
                Field::SkillGroups => fields.skill_groups = Some(ListSource::Column(IdColumn::named(column))),
                Field::Tags => fields.tags = Some(ListSource::Column(IdColumn::named(column))),
                Field::PbxDevice => fields.pbx_device = Some(ColumnSource::named(column)),
                Field::SipUri => fields.sip_uri = Some(ColumnSource::named(column)),
                Field::FirstName => fields.first_name = Some(ColumnSource::named(column)),
                Field::LastName => fields.last_name = Some(ColumnSource::named(column)),
            }
        }
        for (field, ids) in self.sets.iter().cloned() {
            match (field, ids.as_slice()) {
                (Field::Role, [role]) => fields.role = Some(RoleSource::Fixed(FixedRole { value: *role })),
                (Field::Role, _) => return usage("--set role takes one ID"),
                (Field::Desks, _) => fields.desks = Some(ListSource::Fixed(FixedList { values: ids })),
                (Field::SkillGroups, _) => {
                    fields.skill_groups = Some(ListSource::Fixed(FixedList { values: ids }))
                }
                (Field::Tags, _) => fields.tags = Some(ListSource::Fixed(FixedList { values: ids })),
                _ => return usage(format!("--set cannot give all users the same {field}: use --map")),
            }
        }
        if extensions != Extensions::default() {
            fields.virtual_extension = Some(ExtensionSource::Given(extensions));
        }
        Ok(fields)
    }
}

fn usage<T>(message: impl Into<String>) -> Result<T, Misconfigured> {
    Err(Misconfigured(message.into()))
}

fn id(text: &str) -> Result<Id, String> {
    let refuse = || format!("{text:?} is not an ID: a positive 64-bit integer");
    text.trim()
        .parse::<i64>()
        .ok()
        .and_then(|number| Id::try_from(number).ok())
        .ok_or_else(refuse)
}

fn field(text: &str) -> Result<(Field, &str), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not of the form FIELD=…"))?;
    let field = name.parse().map_err(|_| {
        let names: Vec<&str> = <Field as strum::VariantArray>::VARIANTS
            .iter()
            .map(|field| field.as_str())
            .collect();
        format!("{name:?} is not a field; the fields are {}", names.join(", "))
    })?;
    if value.is_empty() {
        Err(format!("there is no value after {name}="))
    } else {
        Ok((field, value))
    }
}

fn mapped(text: &str) -> Result<(Field, String), String> {
    field(text).map(|(field, column)| (field, column.to_owned()))
}

fn set(text: &str) -> Result<(Field, Vec<Id>), String> {
    let (field, value) = field(text)?;
    let ids = value.split([',', ';', '|']).map(id).collect::<Result<_, _>>()?;
    Ok((field, ids))
}
