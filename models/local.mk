# Networks written in host ops.
