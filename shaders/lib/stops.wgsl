// The tokens that end a reply, then numbers of no token. Variant: no_stops.wgsl.
const STOPS: u32 = 64u;

@group(0) @binding(7) var<uniform> stops: array<vec4<u32>, STOPS / 4u>;

fn ends(token: u32) -> bool {
    var found = false;
    for (var i = 0u; i < STOPS / 4u; i += 1u) { found |= any(stops[i] == vec4<u32>(token)); }
    return found;
}
