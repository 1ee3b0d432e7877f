import asyncio, multiprocessing, subprocess, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(number):
    return number * number


async def talk():
    process = await asyncio.create_subprocess_exec("echo", "hello", stdout=subprocess.PIPE)
    text, _ = await process.communicate()

    async def handle(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"over loopback\n")
    answer = await reader.readline()
    writer.close()
    server.close()
    return text.strip() == b"hello" and answer == b"over loopback\n"


if __name__ == "__main__":
    with ThreadPoolExecutor(4) as pool:
        say("threads", "ok" if sum(pool.map(square, range(10))) == 285 else "wrong")
    say("asyncio", "ok" if asyncio.run(talk()) else "wrong")
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            say("pool-" + method, "ok" if sum(pool.map(abs, range(10))) == 45 else "wrong")
    with ProcessPoolExecutor(2) as pool:
        say("process-pool", "ok" if sum(pool.map(abs, range(10))) == 45 else "wrong")
    say("subprocess", "ok" if subprocess.run(["sort"], input=b"b\na\n", capture_output=True).stdout == b"a\nb\n" else "wrong")
