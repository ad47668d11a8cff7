// A soft cap as what becomes of each row of a product.
// #include "lib/softcap.wgsl"

fn activate(x: f32) -> f32 { return softcap(x); }
