//! A run drawn: throughput over time against the limit, each import's latency over time, and how latencies spread.

use std::{error::Error, path::Path, time::Instant};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    figures::{Figures, real},
    watch::{Finished, Watched},
};

type Drawn = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Most bars in a drawing: as many as the eye can tell apart.
const MOST_BARS: usize = 50;

/// Rows get their outcomes batch by batch: a bar holds some batches, else it would show when each came and not how fast.
const BATCHES_PER_BAR: usize = 5;

/// Room for the legend, above what is drawn.
const HEADROOM: f64 = 1.6;

/// Everybody can tell blue, orange and grey apart.
const DONE: RGBColor = RGBColor(0, 114, 178);
const LIMIT: RGBColor = RGBColor(213, 94, 0);

const FONT: &str = "sans-serif";

pub(crate) fn draw(file: &Path, figures: &Figures, watched: &Watched) -> Drawn {
    let root = SVGBackend::new(file, (900, 1080)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "{} rows, {} imports, {} tenants: {:.0} rows/s, {:.0} % of the Argon2 limit",
        figures.rows,
        figures.imports,
        figures.tenants,
        figures.rows_per_s,
        figures.ratio * 100.0
    );
    let root = root.titled(&title, (FONT, 24).into_font())?;
    let areas = root.split_evenly((3, 1));
    let [throughput, latency, spread] = areas.as_slice() else {
        return Err("three areas".into());
    };
    draw_throughput(throughput, figures, watched)?;
    draw_latency(latency, figures, watched)?;
    draw_spread(spread, figures, watched)?;
    root.present()?;
    Ok(())
}

fn draw_throughput(area: &Area<'_>, figures: &Figures, watched: &Watched) -> Drawn {
    let seconds = watched.seconds();
    let count = (watched.settled.len() / BATCHES_PER_BAR).clamp(1, MOST_BARS);
    let width = seconds / real(count);
    let since = |at: Instant| at.saturating_duration_since(watched.started).as_secs_f64();
    let bars: Vec<(f64, f64)> = (0..count)
        .map(|bar| {
            let from = real(bar) * width;
            let inside = |at: Instant| since(at) >= from && since(at) < from + width;
            let rows: f64 = watched
                .settled
                .iter()
                .filter(|(at, _)| inside(*at))
                .map(|(_, rows)| rows)
                .sum();
            (from, rows / width)
        })
        .collect();
    let limit = figures.argon2_limit_rows_per_s;
    let highest = bars
        .iter()
        .map(|(_, rate)| *rate)
        .fold(limit.min(figures.rows_per_s * 4.0), f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("Throughput", (FONT, 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..seconds, 0.0..highest * HEADROOM)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("seconds since the first job")
        .y_desc("rows/s")
        .label_style((FONT, 15))
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .x_label_formatter(&|time| short(*time, seconds))
        .draw()?;
    chart
        .draw_series(bars.iter().map(|(from, rate)| {
            Rectangle::new(
                [(*from, 0.0), (from + width * 0.9, *rate)],
                DONE.mix(0.7).filled(),
            )
        }))?
        .label("rows that got their outcome")
        .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 15, y + 5)], DONE.mix(0.7).filled()));
    let name = format!("raw Argon2 limit, {limit:.0} rows/s");
    line(&mut chart, (0.0, limit), (seconds, limit), LIMIT, &name)?;
    let mean = figures.rows_per_s;
    line(
        &mut chart,
        (0.0, mean),
        (seconds, mean),
        BLACK,
        &format!("mean, {mean:.0} rows/s"),
    )?;
    legend(&mut chart)
}

fn draw_latency(area: &Area<'_>, figures: &Figures, watched: &Watched) -> Drawn {
    let points = watched.imports.iter().map(|import| {
        let at = import
            .finished
            .saturating_duration_since(watched.started)
            .as_secs_f64();
        (at, import.latency_s())
    });
    let mut chart = ChartBuilder::on(area)
        .caption(
            "Latency of each import, by the time of its completion event",
            (FONT, 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..watched.seconds() * 1.02, 0.0..figures.latency_s.max * 1.15)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("seconds since the first job")
        .y_desc("seconds")
        .label_style((FONT, 15))
        .x_label_formatter(&|time| short(*time, watched.seconds()))
        .y_label_formatter(&|time| short(*time, figures.latency_s.max))
        .draw()?;
    chart.draw_series(points.map(|point| Circle::new(point, 4, DONE.mix(0.6).filled())))?;
    Ok(())
}

fn draw_spread(area: &Area<'_>, figures: &Figures, watched: &Watched) -> Drawn {
    let latency = figures.latency_s;
    let width = latency.max * 1.02 / real(MOST_BARS);
    let bars: Vec<(f64, usize)> = (0..MOST_BARS)
        .map(|bar| {
            let from = real(bar) * width;
            let latencies = watched.imports.iter().map(Finished::latency_s);
            (
                from,
                latencies.filter(|at| *at >= from && *at < from + width).count(),
            )
        })
        .collect();
    let highest = real(bars.iter().map(|(_, count)| *count).max().unwrap_or(1)) * 1.3;
    let mut chart = ChartBuilder::on(area)
        .caption("How the latencies spread", (FONT, 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..latency.max * 1.04, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("seconds from the job to its completion event")
        .y_desc("imports")
        .label_style((FONT, 15))
        .x_label_formatter(&|time| short(*time, latency.max))
        .y_label_formatter(&|count| match count.fract() {
            0.0 => format!("{count:.0}"),
            _ => String::new(),
        })
        .draw()?;
    chart.draw_series(bars.iter().filter(|(_, count)| *count > 0).map(|(from, count)| {
        Rectangle::new(
            [(*from, 0.0), (from + width * 0.9, real(*count))],
            DONE.mix(0.7).filled(),
        )
    }))?;
    // One below the other, so that marks that lie close can be read.
    let marks = [
        ("p50", latency.p50, 0.97),
        ("p95", latency.p95, 0.90),
        ("p99", latency.p99, 0.83),
    ];
    for (name, at, height) in marks {
        chart.draw_series(LineSeries::new(
            [(at, 0.0), (at, highest * height)],
            LIMIT.stroke_width(2),
        ))?;
        let style = (FONT, 16)
            .into_font()
            .color(&BLACK)
            .pos(Pos::new(HPos::Right, VPos::Center));
        let text = format!("{name} {at:.2} s\u{a0}\u{a0}");
        chart.draw_series([Text::new(text, (at, highest * height), style)])?;
    }
    Ok(())
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn line(chart: &mut Chart<'_, '_>, from: (f64, f64), to: (f64, f64), colour: RGBColor, label: &str) -> Drawn {
    chart
        .draw_series(LineSeries::new([from, to], colour.stroke_width(2)))?
        .label(label)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], colour.stroke_width(2)));
    Ok(())
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Drawn {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 15))
        .draw()?;
    Ok(())
}

/// On an axis of this length.
fn short(seconds: f64, longest: f64) -> String {
    let decimals = usize::from(longest < 10.0);
    format!("{seconds:.decimals$}")
}
