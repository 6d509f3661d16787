//! flagstone
