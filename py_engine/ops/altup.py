"""AltUp (arXiv 2301.13310): several residual streams, of which one passes through the layers.

Streams lie one after another: (N, stride), the first T · C elements of each are (T, C).
"""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor


def rescale(
    rec: Recorder,
    own: Tensor,
    projected: Tensor,
    out: Tensor,
    *,
    state: Tensor,
    merge: bool = False,
) -> None:
    """Streams from one and its projections; `merge`: the mean of them, of one and those of others.

    Each projection is brought to the magnitude of `own`.

    Args:
        own: (T, C).
        projected: (T, (N - 1) · C).
        out: streams (N, stride), or (T, C).
    """
    tokens, width = own.shape
    rec.run(
        "altup_rescale",
        (tokens, 1, 1),
        {"own": own, "projected": projected, "out": out, "state": state},
        params={"stride": 0 if merge else out.shape[1]},
        C=width,
        N=projected.shape[1] // width + 1,
        MERGE=merge,
        WG=rec.library.threads(128),
    )


def predict(
    rec: Recorder,
    streams: Tensor,
    router: Tensor,
    table: Tensor,
    hidden: Tensor,
    *,
    state: Tensor,
) -> None:
    """streams += coefficients · streams; hidden (T, C) becomes the first.

    Args:
        router: (T, N), before its tanh.
        table: (N · N, N), makes a token's (N, N) coefficients of it.
    """
    tokens, width = hidden.shape
    rec.run(
        "altup_predict",
        -(-tokens * width // 64),
        {"streams": streams, "router": router, "table": table, "hidden": hidden, "state": state},
        params={"stride": streams.shape[1]},
        C=width,
        N=streams.shape[0],
    )


def correct(
    rec: Recorder,
    streams: Tensor,
    router: Tensor,
    table: Tensor,
    hidden: Tensor,
    *,
    weight: Tensor,
    state: Tensor,
) -> None:
    """streams += (hidden - streams[0]) · (1 + coefficients); hidden = streams[0] · weight.

    Args:
        router: (T, N), before its tanh.
        table: (N, N), makes a token's N coefficients of it.
        weight: (C,)
    """
    tokens, width = hidden.shape
    rec.run(
        "altup_correct",
        -(-tokens * width // 64),
        {
            "streams": streams,
            "router": router,
            "table": table,
            "weight": weight,
            "hidden": hidden,
            "state": state,
        },
        params={"stride": streams.shape[1]},
        C=width,
        N=streams.shape[0],
    )
