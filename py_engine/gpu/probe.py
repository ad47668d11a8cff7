"""What a device's subgroups are in truth, found by running one tiny kernel.

Knows the assumption of shaders/lib/reduce_subgroup.wgsl and what follows if it does not hold.
"""

from array import array

from py_engine.gpu.device import Device
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory

_THREADS, _GROUPS = 128, 4


async def probe(library: Library, device: Device) -> None:
    """Set the library's subgroup size to what was found; without trust, take the plain variants.

    wgpu-py gives every adapter the same range of sizes, and a browser a range for some, so what
    the device says is not enough.
    """
    if not library.subgroups:
        return
    memory = Memory(device)
    try:
        sizes = memory.tensor((_THREADS * _GROUPS,), "sizes of subgroups", "u32")
        rec = Recorder(library, memory)
        rec.run("load/subgroup_probe", _GROUPS, {"sizes": sizes}, WG=_THREADS)
        await device.compile([dispatch.shader for dispatch in rec.dispatches])
        program = device.record(rec.dispatches)
        found = set(array("I", await device.read(sizes.handle, 0, sizes.nbytes, [program])))
        device.drop(program)
    finally:
        memory.close()
    if 0 not in found:
        library.subgroup_size = found.pop() if len(found) == 1 else 0
        return
    library.forgo_subgroups()
    library.warnings.append(
        "This GPU's subgroups are not what the fast kernels need; slower ones are used."
    )
