"""Two thousand lines as logs have them, in which nothing is secret and nobody is named."""

from __future__ import annotations

import random
import uuid

_LINES = """
Starting up... chaiNNer backend 0.24.1 (Python 3.11.5, torch 2.1.2+cu121, Windows-10-10.0.22631-SP0)
Loaded 214 nodes of 12 packages in 1.{n} s: chaiNNer_standard 0.24.1, chaiNNer_pytorch 0.24.1, chaiNNer_onnx 0.24.1
Node upscale_image#{n}: model 4x_ESRGAN_{n}.pth, tile size 512, 16 px overlap, fp16
Running chainner:image:load #{uuid}, inputs: path, alpha=keep, dtype=float32
Executing node {uuid} (chainner:pytorch:upscale_image) of chain {uuid}
"GET /upscale/{n}?tile=512&model=4x-UltraSharp HTTP/1.1" 200 {n} - from 127.0.0.1:{port}
127.0.0.1 - - [19/Oct/2025:05:52:25 +0000] "POST /run HTTP/1.1" 200 {n} "-" "Mozilla/5.0 (X11; Linux x86_64)"
192.168.1.{b} - "GET /users/{n}/edit HTTP/2" 304 0.0{n}s
"DELETE /api/v2/items/{uuid} HTTP/1.1" 204
GET https://huggingface.co/api/models/Kim2091/UltraSharp/resolve/main/4x-UltraSharp.pth?download=true -> 302
Download of 4x-UltraSharp.pth: {n} of 67040989 bytes, sha256 {sha256}
sha256:{sha256} docker.io/library/python:3.11-slim
md5={md5} size={n} crc32=0x{crc}
ETag: "{md5}", Last-Modified: Sun, 19 Oct 2025 05:52:25 GMT, Content-Length: {n}
commit {sha1} (HEAD -> main, tag: v0.24.{b}) Fix tiling of odd sizes
{sha1} refs/heads/feature/tiling-{n}
index {short}..{short} 100644 backend/src/nodes/impl/pytorch/upscale.py
Traceback (most recent call last):
  File "/usr/lib/python3.11/asyncio/runners.py", line {n}, in run
    return runner.run(main, debug=debug)
  File "/opt/chaiNNer/resources/src/backend/src/process.py", line {n}, in run_node
    output = await node.run(*inputs, **{{"key": cache_key(node.id), "token": token}})
    y = x @ self.weight.T + x@self.bias
    def login(user: str, password: str, token: Optional[str] = None) -> Session:
    secret = os.environ.get("SECRET")
    password = getpass.getpass("Password: ")
KeyError: 'output_{n}'
RuntimeError: CUDA out of memory. Tried to allocate {n} MiB (GPU 0; 8.00 GiB total capacity; 6.{n} GiB already allocated)
ValueError: operands could not be broadcast together with shapes ({n},{b},3) ({b},{n},3)
UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position {n}: invalid start byte
   at Object.<anonymous> (node:internal/modules/cjs/loader:{n}:14)
    at async Promise.all (index {b})
Uncaught (in promise) TypeError: Cannot read properties of undefined (reading 'key')
thread 'main' panicked at 'index out of bounds: the len is {b} but the index is {n}', src/main.rs:{n}:{b}
#{b} 0x00007f{crc}{short} in at::native::empty_cuda () from /usr/lib/libtorch_cuda.so
Exception Code: 0xC0000005, address 0x00007FF{crc}, module ntdll.dll+0x{short}
Setting: {{"gpu_index": 0, "use_fp16": true, "budget_limit": {b}, "force_cache_wipe": false, "key_up_interval": {n}}}
config: threads={b}, cache_size={n} MiB, keyboard_layout=us, hotkey=ctrl+{b}, primary_key=id, sort_key=modified
env: PATH=/usr/local/bin:/usr/bin:/bin LANG=en_US.UTF-8 TERM=xterm-256color SHLVL={b} CUDA_VISIBLE_DEVICES=0
argv: ['--port', '8000', '--close-after-start', '--type', 'worker', '--install-builtin-packages', '--log-level=debug']
ffmpeg -i input.mp4 -vf scale=1920:-2 -c:v libx264 -preset slow -crf {b} -b:a 192k out-{n}.mkv
frame= {n} fps= {b} q=28.0 size= {n}kB time=00:01:{b}.12 bitrate=1234.5kbits/s speed=1.2x
pip install --upgrade torch==2.1.2+cu121 torchvision==0.16.2 --extra-index-url https://download.pytorch.org/whl/cu121
Successfully installed numpy-1.24.4 opencv-python-4.8.0.76 pillow-9.{b}.0 spandrel-0.3.{b} onnxruntime-gpu-1.15.1
npm WARN deprecated electron-log@4.4.8, @types/node@20.{b}.1, rollup-plugin-terser@7.0.2
Requirement already satisfied: typing-extensions>=4.5.0 in /usr/lib/python3/dist-packages (4.{b}.1)
Task {uuid} moved from PENDING to RUNNING after {n} ms, retry {b} of 5
request_id={uuid} user_agent="aiohttp/3.8.5" status=200 duration={n}ms bytes={n}
trace_id={md5} span_id={half} parent_id={half} sampled=1
session {uuid} opened, {b} open, socket {port}, keepalive=on
Connection to http://localhost:{port} closed: [WinError 10054] An existing connection was forcibly closed by the remote host
worker heartbeat {n}: queue=0 running={b} memory=1.{n} GiB uptime={n}s
GPU 0: NVIDIA GeForce RTX 3060, UUID GPU-{uuid}, driver 536.23, PCI 0000:01:00.0, 12288 MiB
Device id 10de:2504, subsystem 1458:{port}, bus 01:00.0, serial unknown
Tokenizer: vocab_size=128256, bos_token=<s>, eos_token=</s>, pad_token_id={b}, max_tokens=4096, {n} tokens in 1.{b} s
prompt tokens: {n}, completion tokens: {b}, total_tokens={n}, stop_token="<|im_end|>"
Cache hit for key ('upscale', '4x_ESRGAN', {n}, {b}), {b} of 40 entries kept
cache key: upscale_image_{n}_512_16, partition key: 2025-10, foreign key: node_id
Password changed. Enter your password: Wrong password, try again. Authorization failed; the token has expired.
auth: required, authentication method: none, author: unknown, credentials: not needed, secret: no
Signature verified, certificate valid until 2026-10-19T05:52:25Z, cipher TLS_AES_256_GCM_SHA384
<Key tag="Orientation" name="Orientation" type="SHORT" /> ExifVersion=0232 LensModel="EF24-105mm f/4L IS USM"
PNG {n} x {b}, 3 channels, gamma 0.45455, iCCP sRGB_IEC61966-2-1_black_scaled.icc
Saved out_{n}.png (PNG, {n} bytes), picture@2x.png, IMG_20251019_0552{b}.jpg, DSC0{n}.ARW, 4x-UMSR_{n}.safetensors
models: 4x_foolhardy_Remacri, 4x_NMKD-Siax_200k, 1x_DeJPG_SRFormer_light, RealESRGAN_x4plus_anime_6B, 2x-AnimeSharpV4
url: https://objectmodels.example.org/repository/{n}/{uuid}/4x-UltraSharp.pth
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
\\x1b[32mINFO\\x1b[0m:     Application startup complete. \\x1b[1mhttp://127.0.0.1:{port}\\x1b[0m (Press CTRL+C to quit)
50%|#####     | {b}/100 [00:{b}<00:{b},  3.{b}it/s]
[ONNX] Node /conv_first/Conv_{n}: output shape (1, 64, {n}, {b}), weights conv_first.weight:{b}, body.{b}.rdb1.conv1.bias
node:events:{n} throw er; // Unhandled 'error' event at emitErrorNT (node:internal/streams/destroy:151:8)
D:\\\\chaiNNer\\\\resources\\\\app.asar\\\\.webpack\\\\main\\\\index.js:{n}, C:\\Windows\\System32\\ntdll.dll, C:/Program Files/chaiNNer
2025-10-19T05:52:25.{n}Z level=info msg="listening" addr=:{port} version=1.{b}.0 build=20251019.{b} go=go1.22.{b}
Version 0.24.{b}-nightly.2025-10-19, schema 17, API v2, protocol 3.{b}, ABI cp311-win_amd64
""".strip("\n").split("\n")


def ordinary_lines(count: int = 2000) -> list[str]:
    chance = random.Random(1)

    def hexadecimal(digits: int) -> str:
        return f"{chance.getrandbits(4 * digits):0{digits}x}"

    def line(pattern: str) -> str:
        return pattern.format(
            n=chance.randint(100, 99_999), b=chance.randint(10, 99), port=chance.randint(1024, 65_535),
            uuid=uuid.UUID(int=chance.getrandbits(128), version=4), sha256=hexadecimal(64), sha1=hexadecimal(40), md5=hexadecimal(32),
            half=hexadecimal(16), crc=hexadecimal(8), short=hexadecimal(7),
        )  # fmt: skip

    return [line(_LINES[number % len(_LINES)]) for number in range(count)]
