// A reply that no token ends. Variant: stops.wgsl.
fn ends(token: u32) -> bool { return false; }
