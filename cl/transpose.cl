/*
 * TRANSPOSE_FUNCTION(name, V, N) defines name(v), which transposes N × N elements: v is N vectors V of N
 * (4, 8 or 16) elements. log2(N) rounds, each moving the row's highest bit into the column.
 */
#define TRANSPOSE_FUNCTION(name, V, N)                                                             \
    inline __attribute__((always_inline)) void name(V *v)                                          \
    {                                                                                              \
        _Pragma("unroll") for (int done = 1; done < N; done *= 2)                                  \
        {                                                                                          \
            V u[N];                                                                                \
            _Pragma("unroll") for (int i = 0; i < N / 2; i++)                                      \
            {                                                                                      \
                u[2 * i].even = v[i].lo;                                                           \
                u[2 * i].odd = v[i + N / 2].lo;                                                    \
                u[2 * i + 1].even = v[i].hi;                                                       \
                u[2 * i + 1].odd = v[i + N / 2].hi;                                                \
            }                                                                                      \
            _Pragma("unroll") for (int i = 0; i < N; i++) v[i] = u[i];                             \
        }                                                                                          \
    }
