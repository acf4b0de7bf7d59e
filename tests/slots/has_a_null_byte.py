# expect: slot_error -- cannot be compiled, because of a byte that Python refuses
print('\0')
