//! The pure stages of a 500-row file, one by one: what planning costs besides the database.
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

/// The tenant's data; if not `known`, none, so that every row has four problems.
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
    let upload = file::read(text.as_bytes(), None, &limits).unwrap();
    let mapping = mapping::map(&upload.header, &job).unwrap();
    let file = upload.records(|column| mapping.is_mapped(column)).unwrap();
    let candidates = || row::read(&file, &mapping, &job);

    let mut group = criterion.benchmark_group("500 rows");
    group.bench_function("decode and parse, UTF-8", |bencher| {
        bencher.iter(|| file::read(black_box(text.as_bytes()), None, &limits).unwrap());
    });
    group.bench_function("decode and parse, UTF-16", |bencher| {
        bencher.iter(|| file::read(black_box(&utf16), None, &limits).unwrap());
    });
    group.bench_function("map", |bencher| {
        bencher.iter(|| mapping::map(black_box(&upload.header), &job).unwrap());
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
                        import_row: 500,
                        password_expires: Some("2026-03-31T10:15:01Z"),
                    }),
            )
        });
    });
    group.finish();
}

/// Files that are made to be slow: all of them stay below half a second.
fn worst_inputs(criterion: &mut Criterion) {
    let limits = Limits {
        max_columns: 256,
        ..Limits::default()
    };
    let long_names: Vec<String> = (0..250).map(|n| format!("{n}{}", "ﷺ".repeat(90))).collect();
    let header = format!("Username,Email,Ext,Role,{}\n", long_names.join(","));
    let most = 5 * 1024 * 1024;
    let roles: Vec<String> = (0..ROWS)
        .map(|row| {
            let ids: Vec<String> = (0..800)
                .map(|n| (1_000_000 + row * 800 + n).to_string())
                .collect();
            format!(
                "user-{row},user.{row}@example.com,{},{}\n",
                10_000 + row,
                ids.join(";")
            )
        })
        .collect();
    let controls = format!(
        "Username,Email,Ext,Role\n{}",
        format!("{},", "\u{1}".repeat(9_000)).repeat(500)
    );
    let words = (0..600_000_usize)
        .map(|n| format!("\u{e9}{:x},", n * 7919))
        .collect::<String>();
    let latin: Vec<u8> = words
        .chars()
        .map(|c| if c == 'é' { 0xE9 } else { u8::try_from(c).unwrap() })
        .take(most)
        .collect();
    let files: [(&str, Vec<u8>); 4] = [
        (
            "long names of columns",
            format!("{header}{}", "x\n".repeat(ROWS)).into_bytes(),
        ),
        (
            "distinct role IDs",
            format!("Username,Email,Ext,Role\n{}", roles.concat()).into_bytes(),
        ),
        ("control characters", controls.into_bytes()),
        ("legacy words", latin),
    ];
    let mut group = criterion.benchmark_group("worst inputs");
    group.sample_size(10);
    let job = job();
    for (name, bytes) in files {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let Ok(upload) = file::read(black_box(&bytes), None, &limits) else {
                    return;
                };
                let Ok(mapping) = mapping::map(&upload.header, &job) else {
                    return;
                };
                let Ok(file) = upload.records(|column| mapping.is_mapped(column)) else {
                    return;
                };
                let rows = row::read(&file, &mapping, &job);
                black_box(row::lookups(&rows, &job));
                black_box(assess(rows, &tenant(true)));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stages, worst_inputs);
criterion_main!(benches);
