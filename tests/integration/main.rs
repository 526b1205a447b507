//! The worker against real PostgreSQL, RabbitMQ and S3. The modules read as the specification of a worker.

mod import;
mod jobs;
mod killed;
mod other_language;
mod schema;
mod steps;
mod submit;
