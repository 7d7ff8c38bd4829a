//! The stand-in providers on loopback.
