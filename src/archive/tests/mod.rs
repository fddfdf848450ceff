mod bundle;
mod damage;
mod forged;
mod round_trip;
pub(super) mod sample;
