//! Icons, drawn in the page: nothing is loaded, and they take the colour of their text.

use maud::{Markup, html};

/// An icon of strokes on a grid of 16.
fn stroked(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.6"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" { path d=(path) {} }
    }
}

pub(super) fn brand() -> Markup {
    stroked("M8 10V2M5 5l3-3 3 3M2 9v3.5A1.5 1.5 0 0 0 3.5 14h9a1.5 1.5 0 0 0 1.5-1.5V9")
}

pub(super) fn done() -> Markup {
    stroked("M3 8.5 6.5 12 13 4.5")
}

pub(super) fn wrong() -> Markup {
    stroked("M4 4l8 8M12 4l-8 8")
}

pub(super) fn warning() -> Markup {
    stroked("M8 2 1.5 13.5h13L8 2ZM8 6.5v3M8 11.6v.1")
}

pub(super) fn clock() -> Markup {
    stroked("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3l2 1.5")
}

pub(super) fn running() -> Markup {
    stroked("M13.5 8A5.5 5.5 0 1 1 10 2.9M13.5 2.5v3h-3")
}

pub(super) fn stopped() -> Markup {
    stroked("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5 8h6")
}

pub(super) fn paused() -> Markup {
    stroked("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.5 6v4M9.5 6v4")
}

pub(super) fn download() -> Markup {
    stroked("M8 2v8M5 7l3 3 3-3M2 13h12")
}

pub(super) fn file() -> Markup {
    stroked("M4 1.8h5L12.5 5v9.2h-8.5zM9 1.8V5h3.5M6 8h4.5M6 10.8h4.5")
}

pub(super) fn copies() -> Markup {
    stroked("M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3")
}
