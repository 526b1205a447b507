//! The pure stages of a 500-row file, one by one: what planning costs beside the database.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros; a benchmark ends with a panic"
)]

use std::{fmt::Write as _, hint::black_box};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use shared::{
    assess::{TenantSnapshot, assess},
    contract::job::{self, Job},
    file,
    limits::Limits,
    mapping, report, row,
};

/// The most that a file may have.
const ROWS: usize = 500;

fn csv() -> String {
    let mut csv =
        "Username,Email,Virtual Extension,Role,Desks,Skill Groups,Tags,First Name,Last Name\r\n".to_owned();
    for row in 1..=ROWS {
        let number = 10_000 + row;
        write!(
            csv,
            "user-{row},user.{row}@example.com,{number},10,20;21,30,40,Ada,Łovelace {row}\r\n"
        )
        .unwrap();
    }
    csv
}

fn job() -> Job {
    let job = br#"{"version": 1, "import_id": "5f0c6c1e-8d5e-4f0a-9b0e-0d2f1c3b4a59", "tenant_id": 42,
                   "source": {"key": "tenants/42/uploads/users.csv"}}"#;
    job::parse(job).unwrap()
}

/// What the tenant has; in the second case nothing, so that every row has four problems.
fn tenant(known: bool) -> TenantSnapshot {
    let mut tenant = TenantSnapshot::default();
    if known {
        tenant.roles = [10].into();
        tenant.desks = [20, 21].into();
        tenant.skill_groups = [30].into();
        tenant.tags = [40].into();
    }
    tenant
}

fn stages(criterion: &mut Criterion) {
    let (text, job, limits) = (csv(), job(), Limits::default());
    let utf16: Vec<u8> = std::iter::once(0xFEFF)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let file = file::read(text.as_bytes(), &limits).unwrap();
    let mapping = mapping::map(&file, &job).unwrap();
    let candidates = || row::read(&file, &mapping, &job);

    let mut group = criterion.benchmark_group("500 rows");
    group.bench_function("decode and parse, UTF-8", |bencher| {
        bencher.iter(|| file::read(black_box(text.as_bytes()), &limits).unwrap());
    });
    group.bench_function("decode and parse, UTF-16", |bencher| {
        bencher.iter(|| file::read(black_box(&utf16), &limits).unwrap());
    });
    group.bench_function("map", |bencher| {
        bencher.iter(|| mapping::map(black_box(&file), &job).unwrap());
    });
    group.bench_function("read and validate each row", |bencher| bencher.iter(candidates));
    for (name, known) in [("assess, all good", true), ("assess, all wrong", false)] {
        let tenant = tenant(known);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(candidates, |rows| assess(rows, &tenant), BatchSize::LargeInput);
        });
    }
    let lines: Vec<(String, String, String)> = (1..=ROWS)
        .map(|row| {
            (
                format!("user-{row}"),
                format!("user.{row}@example.com"),
                (10_000 + row).to_string(),
            )
        })
        .collect();
    group.bench_function("success report", |bencher| {
        bencher.iter(|| {
            report::success_csv(
                lines
                    .iter()
                    .map(|(username, email, extension)| report::SuccessRow {
                        user_id: Some(1),
                        username,
                        email,
                        virtual_extension: extension,
                        password: Some("mK7xWq2RtBn9HsVc"),
                    }),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
