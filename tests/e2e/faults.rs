//! What happens when an engine, a client or the gateway itself ends in the wrong place.

mod absence;
mod clients;
mod crowds;
mod engine;
mod limits;
mod log;
mod refused_by;
mod slowness;
mod stop;
