/* Films through libavformat, libavcodec and libswscale. */
#include "src/render/film.h"

#include "config.h"
#include "host/base/fs.h"
#include "host/base/mem.h"

#ifdef HAVE_LIBAV

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/render/palette.h"

struct vmg_film {
    char *path, *tmp;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scale; /* mp4 */
    vmg_palette *palette;     /* gif; made from the first picture */
    double fps;
    int64_t n;
    bool written;
};

static int failed(const vmg_film *film, int err, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(err, text, sizeof text);
    return vmg_fail(err == AVERROR(ENOMEM) ? VMG_E_NOMEM : VMG_E_IO, "%s: %s: %s", film->path, what,
                    text);
}

static const AVCodec *find_encoder(bool gif)
{
    const AVCodec *c = avcodec_find_encoder_by_name(gif ? "gif" : "libx264");
    if (!c && !gif)
        c = avcodec_find_encoder(AV_CODEC_ID_H264);
    return c || gif ? c : avcodec_find_encoder(AV_CODEC_ID_MPEG4);
}

static int open_codec(vmg_film *film, bool gif, int width, int height)
{
    const AVCodec *encoder = find_encoder(gif);
    if (!encoder)
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: FFmpeg's libraries were built without an encoder for it",
                        film->path);
    film->codec = avcodec_alloc_context3(encoder);
    if (!film->codec)
        return VMG_E_NOMEM;
    AVCodecContext *c = film->codec;
    c->width = width;
    c->height = height;
    c->framerate = av_d2q(film->fps, 1001000);
    /* GIF counts hundredths of seconds */
    c->time_base = gif ? (AVRational){1, 100} : av_inv_q(c->framerate);
    c->pix_fmt = gif ? AV_PIX_FMT_PAL8 : AV_PIX_FMT_YUV420P;
    c->gop_size = 48;
    c->bit_rate = encoder->id == AV_CODEC_ID_MPEG4 ? 6000000 : 0;
    c->color_range = gif ? AVCOL_RANGE_UNSPECIFIED : AVCOL_RANGE_MPEG;
    c->colorspace = gif ? AVCOL_SPC_UNSPECIFIED : AVCOL_SPC_SMPTE170M;
    if (film->format->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(c->priv_data, "preset", "superfast", 0);
    av_opt_set(c->priv_data, "crf", "20", 0);
    const int err = avcodec_open2(c, encoder, NULL);
    return err < 0 ? failed(film, err, "opening the encoder") : VMG_OK;
}

static int open_file(vmg_film *film, bool gif, int width, int height)
{
    int err = avformat_alloc_output_context2(&film->format, NULL, gif ? "gif" : "mp4", film->tmp);
    if (err < 0)
        return failed(film, err, "choosing the format");
    int rc = open_codec(film, gif, width, height);
    if (rc)
        return rc;
    AVStream *stream = avformat_new_stream(film->format, NULL);
    AVDictionary *options = NULL;
    if (!stream)
        return VMG_E_NOMEM;
    stream->time_base = film->codec->time_base;
    stream->avg_frame_rate = film->codec->framerate;
    err = avcodec_parameters_from_context(stream->codecpar, film->codec);
    if (err >= 0)
        err = avio_open(&film->format->pb, film->tmp, AVIO_FLAG_WRITE);
    if (err < 0)
        return failed(film, err, "opening the file");
    /* the index first, so that browsers can begin early */
    av_dict_set(&options, "movflags", "+faststart", 0);
    err = avformat_write_header(film->format, &options);
    av_dict_free(&options);
    return err < 0 ? failed(film, err, "writing the header") : VMG_OK;
}

static int make_frame(vmg_film *film, bool gif)
{
    AVCodecContext *c = film->codec;
    film->frame = av_frame_alloc();
    film->packet = av_packet_alloc();
    if (!film->frame || !film->packet)
        return VMG_E_NOMEM;
    film->frame->format = c->pix_fmt;
    film->frame->width = c->width;
    film->frame->height = c->height;
    const int err = av_frame_get_buffer(film->frame, 0);
    if (err < 0)
        return failed(film, err, "taking memory");
    if (!gif)
        film->scale = sws_getContext(c->width, c->height, AV_PIX_FMT_RGBA, c->width, c->height,
                                     c->pix_fmt, SWS_BILINEAR, NULL, NULL, NULL);
    return gif || film->scale ? VMG_OK : vmg_fail(VMG_E_NOMEM, "libswscale cannot begin");
}

int vmg_film_open(const char *path, int64_t width, int64_t height, double fps, vmg_film **out)
{
    char ending[8];
    *out = NULL;
    vmg_path_ending(path, ending, sizeof ending);
    const bool gif = !strcmp(ending, "gif");
    if (!gif && strcmp(ending, "mp4"))
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: films are .mp4 or .gif", path);
    if (width < 2 || height < 2 || width > 16384 || height > 16384 || !(fps > 0 && fps <= 1000))
        return vmg_fail(VMG_E_ARG, "%s: %lldx%lld pixels at %g pictures a second cannot be filmed",
                        path, (long long)width, (long long)height, fps);
    if (!gif && (width % 2 || height % 2))
        return vmg_fail(VMG_E_ARG, "%s: an .mp4 has even sides, not %lldx%lld", path,
                        (long long)width, (long long)height);
    vmg_film *film = vmg_calloc(1, sizeof *film);
    if (!film)
        return VMG_E_NOMEM;
    film->fps = fps;
    film->path = vmg_strdup(path);
    film->tmp = vmg_asprintf("%s.tmp.%ld", path, (long)getpid());
    av_log_set_level(AV_LOG_FATAL);
    int rc = film->path && film->tmp ? open_file(film, gif, (int)width, (int)height) : VMG_E_NOMEM;
    if (!rc)
        rc = make_frame(film, gif);
    if (rc)
        vmg_film_free(film);
    else
        *out = film;
    return rc;
}

/* Send a frame (NULL: the end) and write what comes out. */
static int encode(vmg_film *film, const AVFrame *frame)
{
    AVStream *stream = film->format->streams[0];
    int err = avcodec_send_frame(film->codec, frame);
    while (err >= 0) {
        err = avcodec_receive_packet(film->codec, film->packet);
        if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
            return VMG_OK;
        if (err < 0)
            break;
        av_packet_rescale_ts(film->packet, film->codec->time_base, stream->time_base);
        film->packet->stream_index = stream->index;
        err = av_interleaved_write_frame(film->format, film->packet);
    }
    return failed(film, err, "encoding");
}

static int fill_palette(vmg_film *film, const uint8_t *rgba)
{
    AVFrame *f = film->frame;
    const int64_t n = (int64_t)f->width * f->height;
    if (!film->palette) {
        film->palette = vmg_calloc(1, sizeof *film->palette);
        if (!film->palette)
            return VMG_E_NOMEM;
        vmg_palette_make(rgba, n, film->palette);
    }
    vmg_palette_map(film->palette, rgba, f->width, f->height, f->data[0], f->linesize[0]);
    for (int i = 0; i < 256; i++) {
        const uint8_t *c = film->palette->colour[i];
        const uint32_t argb =
            0xff000000u | (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | (uint32_t)c[2];
        memcpy(f->data[1] + 4 * i, &argb, 4);
    }
    return VMG_OK;
}

int vmg_film_add(vmg_film *film, const uint8_t *rgba)
{
    AVFrame *f = film->frame;
    const int err = av_frame_make_writable(f);
    if (err < 0)
        return failed(film, err, "taking memory");
    if (film->scale) {
        const uint8_t *const from[1] = {rgba};
        const int stride[1] = {4 * f->width};
        sws_scale(film->scale, from, stride, 0, f->height, f->data, f->linesize);
    } else {
        int rc = fill_palette(film, rgba);
        if (rc)
            return rc;
    }
    f->pts = film->scale ? film->n : llround((double)film->n * 100 / film->fps);
    film->n++;
    return encode(film, f);
}

int vmg_film_commit(vmg_film *film)
{
    int rc = encode(film, NULL);
    if (rc)
        return rc;
    int err = av_write_trailer(film->format);
    if (err >= 0)
        err = avio_closep(&film->format->pb);
    if (err < 0)
        return failed(film, err, "completing the file");
    if (rename(film->tmp, film->path))
        return vmg_fail(VMG_E_IO, "%s cannot be put in place: %s", film->path, strerror(errno));
    film->written = true;
    return VMG_OK;
}

void vmg_film_free(vmg_film *film)
{
    if (!film)
        return;
    if (film->format) {
        avio_closep(&film->format->pb);
        avformat_free_context(film->format);
    }
    avcodec_free_context(&film->codec);
    av_frame_free(&film->frame);
    av_packet_free(&film->packet);
    sws_freeContext(film->scale);
    if (film->tmp && !film->written)
        remove(film->tmp);
    free(film->palette);
    free(film->path);
    free(film->tmp);
    free(film);
}

#else /* without FFmpeg's libraries */

int vmg_film_open(const char *path, int64_t width, int64_t height, double fps, vmg_film **out)
{
    (void)width, (void)height, (void)fps;
    *out = NULL;
    return vmg_fail(VMG_E_UNSUPPORTED,
                    "%s: this vimogen was built without FFmpeg's libraries (Debian: apt install "
                    "libavcodec-dev libavformat-dev libswscale-dev, then configure and make again); "
                    ".png and .html work without them",
                    path);
}

int vmg_film_add(vmg_film *film, const uint8_t *rgba)
{
    (void)film, (void)rgba;
    return VMG_E_UNSUPPORTED;
}

int vmg_film_commit(vmg_film *film)
{
    (void)film;
    return VMG_E_UNSUPPORTED;
}

void vmg_film_free(vmg_film *film)
{
    (void)film;
}

#endif
