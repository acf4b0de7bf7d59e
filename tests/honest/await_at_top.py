# expect: same
import asyncio
async def prepare():
    await asyncio.sleep(0)
    return 1.0
scale = await prepare()
def your_weights(targets, losses):
    return torch.ones(len(targets)) * scale
