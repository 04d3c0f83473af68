"""A program of a user's, as type checkers see it: face_test runs mypy and pyright over it. It is never run."""

import asyncio

import numpy as np

import weft


async def use(ticket: str) -> float:
    async with weft.Node(access=["id"], listen="127.0.0.1:0", idle=60) as node:
        generation: int = node.put("w", np.zeros((4, 4), dtype=np.float32))
        node.put("bytes", b"raw")
        t: weft.Tensor = await node.get(ticket, "w", slice=weft.s_[0:2, :], timeout=2.0)
        again = await node.get(node, t, generation=weft.at_least(generation))
        into = bytearray(16)
        await node.get(ticket, "w", into=into, pages=weft.Pages(0, [1, 2]))
        receipt: weft.Receipt = await node.push(ticket, "act", t.numpy(), progress=lambda p: print(p.done))
        results = await node.get_many(ticket, ["w", weft.Item("b", slice=weft.s_[3])])
        whole: list[weft.Tensor] = results.unwrap()
        for one in results:
            if isinstance(one, weft.Error):
                print(one.hint, one.peer, one.native_code)
            else:
                print(one.shape[0])
        async for pushed in node.pushes("act*"):
            print(pushed.name.upper())
        a, b = await asyncio.gather(node.get(ticket, "a"), node.ping(ticket))
        task: asyncio.Task[weft.Tensor] = asyncio.create_task(node.get(ticket, "a"))
        print(a.dtype, b.round_trip, whole, again.digest, (await task).shape)
        plan = node.explain(ticket, "w").result(1.0)
        print([lane.verdict for lane in plan.lanes], node.pool_size + 1)
        return receipt.seconds


def serve() -> None:
    with weft.serve({"w": np.zeros(4)}, prefix="m.", access="any", listen=":7700") as served:
        tensors = weft.fetch(served.ticket, names="w*", progress=True)
        print({name: tensor.nbytes for name, tensor in tensors.items()})
    try:
        weft.Node().get("ticket", "w").result()
    except weft.NotFoundError as error:
        print(error.hint.strip())


def files(path: str, ticket: str) -> None:
    with weft.safetensors.safe_open(ticket, framework="np") as opened:
        w = opened.get_slice("w")
        print([name.upper() for name in opened.keys()], w[1:4, ..., 0], w.get_shape()[0] + 1)
    weft.safetensors.save_file(weft.safetensors.load_file(path, framework="np"), path, metadata={"format": "np"})
    with weft.Node() as node:
        print(node.put_many({"w": np.zeros(4), "b": b"bytes"}) + 1)
        keys = weft.torch.load_state_dict({}, ticket, strict=False, node=node)
        print(keys.missing_keys + keys.unexpected_keys, weft.torch.publish(node, {}, copy=True) + 1)
