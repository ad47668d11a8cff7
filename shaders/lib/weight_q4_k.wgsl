// Q4_K: value = d*sc * q - dmin*mn; (sc, mn) per 32, (d, dmin) per 256.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
const WEIGHT_OFFSET: bool = true;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> { return plane_k_scale(o, params.sc); }

fn weight_octet(o: u32) -> array<vec4<f32>, 2> { return plane_floats(plane_nibbles(o), 0.0); }
