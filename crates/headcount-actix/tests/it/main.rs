//! The API behind a real server on a loopback port.

#[cfg(test)]
mod at_once;
mod bounds;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod passing;
#[cfg(test)]
mod server;
#[cfg(test)]
mod streams;
