//! The API as a whole, over the in-memory store.

#[cfg(test)]
mod authorisation;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod log;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod rate;
#[cfg(test)]
mod world;
