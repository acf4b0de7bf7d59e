# expect: same
import asyncio
async def doubled(value):
    await asyncio.sleep(0)
    return 2 * value
parts = await asyncio.gather(*(doubled(v) for v in (1.0, 2.0)))
async with asyncio.timeout(5):
    total = [part async for part in (await doubled(p) for p in parts)]
def your_weights(targets, losses):
    return torch.full((len(targets),), sum(total))
