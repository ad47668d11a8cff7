// Types whose 4-bit quants stand for 16 values: these lie in workgroup memory, where reading them
// costs less than computing them. Needs WG: const u32, and table_value.   Variant: no_table.wgsl
var<workgroup> table: array<f32, 16>;

// All threads call this before they decode weights.
fn weight_begin(lane: u32) {
    for (var i = lane; i < 16u; i += WG) { table[i] = table_value(i); }
    workgroupBarrier();
}

fn table_four(q: u32) -> vec4<f32> {
    return vec4<f32>(
        table[q & 15u],
        table[(q >> 8u) & 15u],
        table[(q >> 16u) & 15u],
        table[(q >> 24u) & 15u],
    );
}

// An octet of them: its word's low nibbles are weights 0..3, its high nibbles 4..7.
fn table_floats(word: u32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(table_four(word), table_four(word >> 4u));
}
