/*
 * d_rel_bias[b][h] += sum of rel_rows[i][h][b] over the query rows i of all segments, in their order.
 * One work-item per (h, b).
 */
__kernel void attention_rel_sum(CTENSOR(rel_rows), CTENSOR(segments), TENSOR(d_rel_bias),
                                int n_segments, int n_heads, int n_buckets)
{
    const int h = get_global_id(0) / n_buckets, b = get_global_id(0) % n_buckets;
    float sum = 0.0f;
    if (h >= n_heads)
        return;
    for (int s = 0; s < n_segments; s++) {
        const int4 seg = vload4(s, I32(segments));
        for (int i = 0; i < seg.y; i++)
            sum += CF32(rel_rows)[((ulong)(seg.x + i) * n_heads + h) * n_buckets + b];
    }
    F32(d_rel_bias)[b * n_heads + h] += sum;
}
