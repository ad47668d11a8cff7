// Types whose quants are numbers, or lie in a codebook.   Variant: table.wgsl
fn weight_begin(lane: u32) {}
