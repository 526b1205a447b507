//! The contract between the Dialer and the import worker, and the rules of an import.
//!
//! Pure: no I/O, no clock, no randomness. The modules are declared in the order in which an import passes them:
//!
//! ```
//! use shared::{
//!     assess::{self, Assessment, TenantSnapshot},
//!     contract::job,
//!     file,
//!     limits::Limits,
//!     mapping, row,
//! };
//!
//! let job = job::parse(
//!     br#"{ "version": 1, "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "tenant_id": 42,
//!           "source": { "key": "tenants/42/uploads/users.csv" } }"#,
//! )?;
//! let bytes = b"Login;E-mail;Ext;Role\nann;ann@example.com;1001;7\nbob;bob@;1002;7\n";
//!
//! let upload = file::read(bytes, job.source.encoding, &Limits::default())?;
//! let mapping = mapping::map(&upload.header, &job)?;
//! let file = upload.records(|column| mapping.is_mapped(column))?;
//! let candidates = row::read(&file, &mapping, &job);
//!
//! // Which of `row::lookups(&candidates, &job)` the tenant has, from the database.
//! let tenant = TenantSnapshot { roles: [7].into(), ..TenantSnapshot::default() };
//! let rows = assess::assess(candidates, &tenant);
//! assert!(matches!(&rows[0].assessment, Assessment::Valid(user) if user.username.as_str() == "ann"));
//! assert!(matches!(&rows[1].assessment, Assessment::Refused { problems, .. } if problems.len() == 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod contract;

pub mod field;
pub mod limits;
pub mod names;
pub mod problem;
pub mod rejection;
pub mod surplus;
pub mod text;

pub mod cell;
mod damage;
pub mod formula;
mod misread;

// In the order of an import; the blank lines keep rustfmt from sorting them.

pub mod file;

pub mod mapping;

pub mod columns;

pub mod published;

pub mod user;

pub mod row;

pub mod assess;

pub mod outcome;

pub mod report;
