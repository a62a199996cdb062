/* The ops of a step, bit for bit as TFLite's reference kernels compute them.
 *
 * Three ways through the convolutions: portable C; the DSP instructions of a Cortex-M4, M7 or M33,
 * taken wherever the compiler has them, unless FQSS_PORTABLE is defined; the vector instructions
 * (MVE, Helium) of a Cortex-M55 or M85, if FQSS_MVE is defined.
 */
#ifndef FQSS_KERNELS_H
#define FQSS_KERNELS_H

#include <stdint.h>
#include <string.h>

#if defined(FQSS_MVE)
#include <arm_mve.h>
/* ldrd takes two registers that do not follow each other in Thumb alone. */
#elif defined(__ARM_FEATURE_SIMD32) && defined(__thumb2__) && !defined(FQSS_PORTABLE)
#define FQSS_SIMD32
#include <arm_acle.h>
#endif

/* One output channel's numbers are at the same place of each array. */
struct fqss_channels {
    const int8_t *weights; /* depth (padded to 4) of each channel; depthwise: channels of each tap */
    const int32_t *bias;   /* with the zero point of the input already in it */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero, low; /* of the output */
};

/* a and b to the output: ((a + zero_a) * a + (b + zero_b) * b) or, for a product, their product. */
struct fqss_pair {
    int32_t zero_a, zero_b, zero;
    int32_t multiplier_a, multiplier_b, multiplier;
    int32_t shift_a, shift_b, shift;
    int32_t low;
};

/* A multiplier * 2^(shift - 31), ready for use. */
struct fqss_factor {
    int32_t multiplier, left, right, half;
};

static inline struct fqss_factor fqss_factor_of(int32_t multiplier, int32_t shift)
{
    const int32_t right = shift > 0 ? 0 : -shift;
    const struct fqss_factor factor = {multiplier, 2 << (shift > 0 ? shift : 0), right,
                                       (int32_t)((UINT32_C(1) << right) >> 1)};
    return factor;
}

/* The product, rounded twice as TFLite does: halves up, then away from zero. The generator has
 * checked that x * left fits 32 bits. */
static inline int32_t fqss_times(int32_t x, struct fqss_factor factor)
{
#if defined(FQSS_SIMD32)
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(x * factor.left), "r"(factor.multiplier));
#else
    const int64_t product = (int64_t)(x * factor.left) * factor.multiplier;
    const int32_t high = (int32_t)((product + INT64_C(0x80000000)) >> 32);
#endif
    return (high + ((high & -factor.right) >> 31) + factor.half) >> factor.right;
}

/* As a byte; low is -128, or the zero point behind a ReLU. */
static inline int8_t fqss_limited(int32_t x, int32_t low)
{
    x = x < -128 ? -128 : x > 127 ? 127 : x;
    return (int8_t)(x < low ? low : x);
}

#if defined(FQSS_MVE)
static inline int32x4_t fqss_scaled_4(int32x4_t x, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t none = vdupq_n_s32(0);
    const int32x4_t right = vminq_s32(shift, none); /* negative */
    x = vqrdmulhq_s32(vshlq_s32(x, vmaxq_s32(shift, none)), multiplier);
    return vrshlq_s32(vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)), right);
}

static inline int32x4_t fqss_limited_4(int32x4_t x, int32_t zero, int32_t low)
{
    x = vaddq_n_s32(x, zero);
    return vminq_s32(vmaxq_s32(x, vdupq_n_s32(low)), vdupq_n_s32(127));
}
#endif

#if defined(FQSS_SIMD32)
/* Bytes 1 and 3 as 16 bits each; __sxtb16 gives bytes 0 and 2. */
static inline int16x2_t fqss_odd(uint32_t bytes)
{
    int16x2_t odd;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(bytes));
    return odd;
}

/* sum and four products; the compiler would load twice. */
static inline int32_t fqss_dot(const uint64_t *x, int16x2_t even, int16x2_t odd, int32_t sum)
{
    int16x2_t low, high;
    __asm__("ldrd %0, %1, %2" : "=r"(low), "=r"(high) : "m"(*x));
    return __smlad(high, odd, __smlad(low, even, sum));
}
#endif

/* A convolution along frames, stride 1: output frame f sees the depth bytes that begin at
 * x + f * step. scratch: 8 bytes for each of the padded depth. */
static inline void fqss_conv(const int8_t *x, int8_t *y, int frames, int step, int depth,
                             int outputs, const struct fqss_channels *channels, uint64_t *scratch)
{
    const int padded = (depth + 3) & ~3;
#if defined(FQSS_MVE)
    const struct fqss_channels *const c = channels;
    const int32_t places[4] = {0, outputs, 2 * outputs, 3 * outputs};
    const uint32x4_t offsets = vreinterpretq_u32_s32(vldrwq_s32(places));
    (void)scratch;
    for (int f = 0; f < frames; f += 4) {
        const int last = frames - 1 - f;
        const int8_t *x0 = x + f * step;
        const int8_t *x1 = x0 + (last < 1 ? last : 1) * step;
        const int8_t *x2 = x0 + (last < 2 ? last : 2) * step;
        const int8_t *x3 = x0 + (last < 3 ? last : 3) * step;
        const mve_pred16_t there = vctp32q((uint32_t)(frames - f));
        const int8_t *w = c->weights;
        for (int o = 0; o < outputs; o++, w += padded) {
            int32_t a0 = c->bias[o], a1 = a0, a2 = a0, a3 = a0;
            int k = 0;
            for (; k + 16 <= depth; k += 16) {
                const int8x16_t v = vldrbq_s8(w + k);
                a0 = vmladavaq_s8(a0, v, vldrbq_s8(x0 + k));
                a1 = vmladavaq_s8(a1, v, vldrbq_s8(x1 + k));
                a2 = vmladavaq_s8(a2, v, vldrbq_s8(x2 + k));
                a3 = vmladavaq_s8(a3, v, vldrbq_s8(x3 + k));
            }
            if (k < depth) {
                const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
                const int8x16_t v = vldrbq_z_s8(w + k, rest);
                a0 = vmladavaq_s8(a0, v, vldrbq_z_s8(x0 + k, rest));
                a1 = vmladavaq_s8(a1, v, vldrbq_z_s8(x1 + k, rest));
                a2 = vmladavaq_s8(a2, v, vldrbq_z_s8(x2 + k, rest));
                a3 = vmladavaq_s8(a3, v, vldrbq_z_s8(x3 + k, rest));
            }
            int32x4_t sums = vdupq_n_s32(a0);
            sums = vsetq_lane_s32(a1, sums, 1);
            sums = vsetq_lane_s32(a2, sums, 2);
            sums = vsetq_lane_s32(a3, sums, 3);
            sums = fqss_scaled_4(sums, vdupq_n_s32(c->multiplier[o]), vdupq_n_s32(c->shift[o]));
            sums = fqss_limited_4(sums, c->zero, c->low);
            vstrbq_scatter_offset_p_s32(y + f * outputs + o, offsets, sums, there);
        }
    }
#elif defined(FQSS_SIMD32)
    const struct fqss_channels c = *channels; /* a copy, which storing bytes cannot change */
    for (int f = 0; f < frames; f += 4) {
        /* Four frames side by side, each byte as 16 bits: bytes 0 and 2 below 1 and 3. */
        for (int i = 0; i < 4; i++) {
            const int8_t *row = x + (f + i < frames ? f + i : frames - 1) * step;
            uint64_t *s = scratch + i;
            for (int k = 0; k < padded; k += 4, s += 4) {
                uint32_t bytes = 0;
                if (k + 4 <= depth)
                    memcpy(&bytes, row + k, 4);
                else
                    memcpy(&bytes, row + k, (size_t)(depth - k));
                *s = (uint32_t)__sxtb16(bytes) | (uint64_t)(uint32_t)fqss_odd(bytes) << 32;
            }
        }
        const int8_t *w = c.weights;
        for (int o = 0; o < outputs; o++) {
            int32_t a0 = c.bias[o], a1 = a0, a2 = a0, a3 = a0;
            const uint64_t *s = scratch;
            for (const int8_t *end = w + padded; w < end; w += 4, s += 4) {
                uint32_t bytes;
                memcpy(&bytes, w, 4);
                const int16x2_t even = __sxtb16(bytes), odd = fqss_odd(bytes);
                a0 = fqss_dot(s + 0, even, odd, a0);
                a1 = fqss_dot(s + 1, even, odd, a1);
                a2 = fqss_dot(s + 2, even, odd, a2);
                a3 = fqss_dot(s + 3, even, odd, a3);
            }
            const struct fqss_factor factor = fqss_factor_of(c.multiplier[o], c.shift[o]);
            int8_t *to = y + f * outputs + o;
            to[0] = fqss_limited(fqss_times(a0, factor) + c.zero, c.low);
            if (f + 1 < frames)
                to[outputs] = fqss_limited(fqss_times(a1, factor) + c.zero, c.low);
            if (f + 2 < frames)
                to[2 * outputs] = fqss_limited(fqss_times(a2, factor) + c.zero, c.low);
            if (f + 3 < frames)
                to[3 * outputs] = fqss_limited(fqss_times(a3, factor) + c.zero, c.low);
        }
    }
#else
    const struct fqss_channels c = *channels;
    (void)scratch;
    for (int f = 0; f < frames; f++) {
        const int8_t *row = x + f * step;
        const int8_t *w = c.weights;
        for (int o = 0; o < outputs; o++, w += padded) {
            const struct fqss_factor factor = fqss_factor_of(c.multiplier[o], c.shift[o]);
            int32_t sum = c.bias[o];
            for (int k = 0; k < depth; k++)
                sum += w[k] * row[k];
            y[f * outputs + o] = fqss_limited(fqss_times(sum, factor) + c.zero, c.low);
        }
    }
#endif
}

/* A depthwise convolution along frames: taps are dilation frames apart. */
static inline void fqss_depthwise(const int8_t *x, int8_t *y, int frames, int width, int taps,
                           int dilation, const struct fqss_channels *channels)
{
    const int apart = dilation * width;
    const struct fqss_channels c = *channels;
#if defined(FQSS_MVE)
    for (int o = 0; o < width; o += 4) {
        const mve_pred16_t p = vctp32q((uint32_t)(width - o));
        const int32x4_t bias = vldrwq_z_s32(c.bias + o, p);
        const int32x4_t multiplier = vldrwq_z_s32(c.multiplier + o, p);
        const int32x4_t shift = vldrbq_z_s32(c.shift + o, p);
        for (int f = 0; f < frames; f++) {
            const int8_t *from = x + f * width + o;
            const int8_t *w = c.weights + o;
            int32x4_t sums = bias;
            for (int k = 0; k < taps; k++, from += apart, w += width)
                sums = vaddq_s32(sums, vmulq_s32(vldrbq_z_s32(from, p),
                                                  vldrbq_z_s32(w, p)));
            sums = fqss_scaled_4(sums, multiplier, shift);
            sums = fqss_limited_4(sums, c.zero, c.low);
            vstrbq_p_s32(y + f * width + o, sums, p);
        }
    }
#else
    for (int o = 0; o < width; o++) {
        const struct fqss_factor factor = fqss_factor_of(c.multiplier[o], c.shift[o]);
        for (int f = 0; f < frames; f++) {
            const int8_t *from = x + f * width + o;
            const int8_t *w = c.weights + o;
            int32_t sum = c.bias[o];
            for (int k = 0; k < taps; k++, from += apart, w += width)
                sum += *w * *from;
            y[f * width + o] = fqss_limited(fqss_times(sum, factor) + c.zero, c.low);
        }
    }
#endif
}

/* A sum; a difference if multiplier_b is negative. */
static inline void fqss_add(const int8_t *a, const int8_t *b, int8_t *y, int count,
                     const struct fqss_pair *p)
{
#if defined(FQSS_MVE)
    for (int i = 0; i < count; i += 4) {
        const mve_pred16_t there = vctp32q((uint32_t)(count - i));
        int32x4_t u = vaddq_n_s32(vldrbq_z_s32(a + i, there), p->zero_a);
        int32x4_t v = vaddq_n_s32(vldrbq_z_s32(b + i, there), p->zero_b);
        u = fqss_scaled_4(vshlq_n_s32(u, 20), vdupq_n_s32(p->multiplier_a),
                          vdupq_n_s32(p->shift_a));
        v = fqss_scaled_4(vshlq_n_s32(v, 20), vdupq_n_s32(p->multiplier_b),
                          vdupq_n_s32(p->shift_b));
        u = fqss_scaled_4(vaddq_s32(u, v), vdupq_n_s32(p->multiplier), vdupq_n_s32(p->shift));
        vstrbq_p_s32(y + i, fqss_limited_4(u, p->zero, p->low), there);
    }
#else
    const struct fqss_pair q = *p;
    const struct fqss_factor of_a = fqss_factor_of(q.multiplier_a, q.shift_a);
    const struct fqss_factor of_b = fqss_factor_of(q.multiplier_b, q.shift_b);
    const struct fqss_factor of_sum = fqss_factor_of(q.multiplier, q.shift);
    for (int i = 0; i < count; i++) {
        const int32_t u = fqss_times((a[i] + q.zero_a) * (1 << 20), of_a);
        const int32_t v = fqss_times((b[i] + q.zero_b) * (1 << 20), of_b);
        y[i] = fqss_limited(fqss_times(u + v, of_sum) + q.zero, q.low);
    }
#endif
}

static inline void fqss_multiply(const int8_t *a, const int8_t *b, int8_t *y, int count,
                          const struct fqss_pair *p)
{
#if defined(FQSS_MVE)
    for (int i = 0; i < count; i += 4) {
        const mve_pred16_t there = vctp32q((uint32_t)(count - i));
        const int32x4_t u = vaddq_n_s32(vldrbq_z_s32(a + i, there), p->zero_a);
        const int32x4_t v = vaddq_n_s32(vldrbq_z_s32(b + i, there), p->zero_b);
        const int32x4_t x = fqss_scaled_4(vmulq_s32(u, v), vdupq_n_s32(p->multiplier),
                                          vdupq_n_s32(p->shift));
        vstrbq_p_s32(y + i, fqss_limited_4(x, p->zero, p->low), there);
    }
#else
    const struct fqss_pair q = *p;
    const struct fqss_factor factor = fqss_factor_of(q.multiplier, q.shift);
    for (int i = 0; i < count; i++) {
        const int32_t x = (a[i] + q.zero_a) * (b[i] + q.zero_b);
        y[i] = fqss_limited(fqss_times(x, factor) + q.zero, q.low);
    }
#endif
}

/* Any function of one byte: its results for -128 to 127. */
static inline void fqss_look_up(const int8_t *x, int8_t *y, int count, const int8_t *results)
{
    for (int i = 0; i < count; i++)
        y[i] = results[x[i] + 128];
}

/* Pieces of some bytes, from places and to places that are so many bytes apart. */
static inline void fqss_copy(int8_t *to, int to_apart, const int8_t *from, int from_apart, int bytes,
                      int pieces)
{
    if (bytes == 1)
        for (int i = 0; i < pieces; i++)
            to[i * to_apart] = from[i * from_apart];
    else
        for (int i = 0; i < pieces; i++)
            memmove(to + i * to_apart, from + i * from_apart, (size_t)bytes);
}

#endif
