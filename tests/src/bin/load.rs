//! The load generator behind `deploy/local/load`.

use clap::Parser;
use tests::load::{Options, run};

#[tokio::main]
async fn main() {
    run(&Options::parse()).await;
}
