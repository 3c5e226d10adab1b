from __future__ import annotations

from parsekit.replay import ReplayCrc, replay_crc


def mixed(size: int) -> bytes:
    return bytes(n * n * 31 % 251 for n in range(size))


def one_bit_at_a_time(data: bytes) -> int:
    register = 0x10340DFE
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register ^ 0xFFFFFFFF


def test_crc_equals_the_definition() -> None:
    for size in (0, 1, 2, 3, 7, 64, 1000):
        data = mixed(size)
        assert replay_crc(data) == one_bit_at_a_time(data)


def test_pieces_have_the_crc_of_the_whole() -> None:
    data = mixed(5000)
    crc = ReplayCrc()
    for start in range(0, len(data), 777):
        crc.update(data[start : start + 777])
    assert crc.value == replay_crc(data)
