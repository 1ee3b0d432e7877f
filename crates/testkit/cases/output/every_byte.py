os.write(1, bytes(range(256)) + "é\u2028\ufeff\u202e".encode() + b"\xed\xa0\x80")
os.write(1, b'\n{"attempt":"bytes","result":"written"}\n')
