//! The API behind a real server on a loopback port.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod passing;
#[cfg(test)]
mod server;
