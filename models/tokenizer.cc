/* The C face of libsentencepiece: exceptions and its status objects end here. */
#include "models/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" {
#include "host/base/status.h"
#include "models/spiece.h"
}

struct vmg_tokenizer {
    sentencepiece::SentencePieceProcessor processor;
    vmg_spiece_facts facts = {};
    int32_t end_id = -1, unknown_id = -1;
    int32_t byte_ids[256]; /* -1 without byte fallback */
    size_t longest_piece_bytes = 1;
    double unknown_score = 0;

    ~vmg_tokenizer()
    {
        vmg_spiece_facts_free(&facts);
    }
};

namespace
{
constexpr char end_piece[] = "</s>";

/* Normalised text, and where in the text that was given its parts begin. */
struct normalised_text {
    std::string text;
    std::vector<std::pair<size_t, size_t>> begins; /* offset here, offset there; ascending */
};

/* An id and where its piece begins in the normalised text. */
struct token {
    int32_t id;
    size_t begin;
};

/* Runs `work` and turns whatever it throws into a status. */
template <typename Work> int guarded(const char *where, Work work)
{
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return vmg_fail(VMG_E_NOMEM, "%s: out of memory in the tokenizer", where);
    } catch (const std::exception &e) {
        return vmg_fail(VMG_E_FORMAT, "%s: the tokenizer failed: %s", where, e.what());
    } catch (...) {
        return vmg_fail(VMG_E_FORMAT, "%s: the tokenizer failed", where);
    }
}

int32_t find_piece(const vmg_tokenizer &t, std::string_view piece)
{
    int32_t id = t.processor.PieceToId(piece);
    bool found = id >= 0 && id < t.processor.GetPieceSize() && t.processor.IdToPiece(id) == piece;
    return found ? id : -1;
}

/* What encoding needs to know about the vocabulary. */
int learn_vocabulary(vmg_tokenizer &t, const char *where)
{
    constexpr double unknown_penalty = 10; /* SentencePiece's, below the rarest piece */
    double lowest = 0;
    std::fill(std::begin(t.byte_ids), std::end(t.byte_ids), -1);
    if (static_cast<size_t>(t.processor.GetPieceSize()) != t.facts.n)
        return vmg_fail(VMG_E_FORMAT, "%s: %d of %zu pieces are known to the library", where,
                        t.processor.GetPieceSize(), t.facts.n);
    for (int32_t id = 0; id < t.processor.GetPieceSize(); id++) {
        const std::string &piece = t.processor.IdToPiece(id);
        switch (t.facts.types[id]) {
        case VMG_SPIECE_BYTE: /* "<0x41>" */
            t.byte_ids[piece.size() > 3 ? std::strtoul(piece.c_str() + 3, nullptr, 16) & 0xFF : 0] =
                id;
            break;
        case VMG_SPIECE_UNKNOWN: t.unknown_id = id; break;
        case VMG_SPIECE_NORMAL:
            lowest = std::min<double>(lowest, t.processor.GetScore(id));
            [[fallthrough]];
        case VMG_SPIECE_USER_DEFINED:
            t.longest_piece_bytes = std::max(t.longest_piece_bytes, piece.size());
            break;
        default: break;
        }
    }
    t.unknown_score = lowest - unknown_penalty;
    t.end_id = find_piece(t, end_piece);
    if (t.end_id < 0)
        return vmg_fail(VMG_E_FORMAT, "%s: the vocabulary has no piece \"%s\"", where, end_piece);
    return VMG_OK;
}

/* How much of a text to encode: all, or up to the last space before the limit, or character. */
size_t readable_bytes(const char *text, size_t n)
{
    constexpr size_t limit = VMG_TOKENIZER_MAX_BYTES, search = 1024;
    if (n <= limit)
        return n;
    for (size_t i = limit; i > limit - search; i--)
        if (text[i] == ' ')
            return i;
    size_t i = limit;
    while (i > limit - 3 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80)
        i--;
    return i;
}

/* The library's normalisation of a text, put together again from the pieces it finds. */
normalised_text normalise(const vmg_tokenizer &t, std::string_view text)
{
    normalised_text out;
    auto encoded = t.processor.EncodeAsImmutableProto(text);
    for (size_t i = 0; i < encoded.pieces_size(); i++) {
        auto piece = encoded.pieces(static_cast<int>(i));
        out.begins.emplace_back(out.text.size(), piece.begin());
        if (t.facts.types[piece.id()] == VMG_SPIECE_BYTE)
            out.text += static_cast<char>(std::strtoul(piece.piece().c_str() + 3, nullptr, 16));
        else
            out.text += piece.piece();
    }
    return out;
}

size_t character_bytes(std::string_view text, size_t at)
{
    size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        end++;
    return end - at;
}

/* A piece's score at one place of a text; false when it is not to be found in texts. */
bool piece_score(const vmg_tokenizer &t, int32_t id, size_t n_bytes, double *score)
{
    int type = id >= 0 ? static_cast<int>(t.facts.types[id]) : 0;
    if (type == VMG_SPIECE_USER_DEFINED)
        *score = 0.1 * static_cast<double>(n_bytes - 1); /* positive, as in the library */
    else if (type == VMG_SPIECE_NORMAL)
        *score = t.processor.GetScore(id);
    return type == VMG_SPIECE_USER_DEFINED || type == VMG_SPIECE_NORMAL;
}

/*
 * The pieces with the greatest sum of scores (Kudo 2018, "Subword Regularization", section 3.1, by
 * Viterbi's algorithm); of equal ones those whose last piece begins first. The library does the
 * same in float, where rounding decides between equal or nearly equal sums, differently in each
 * version; the tokenizer of the published pipeline sums in double as is done here.
 */
std::vector<token> best_path(const vmg_tokenizer &t, std::string_view text)
{
    struct node {
        double score = 0;
        int32_t id = -1;
        size_t begin = SIZE_MAX;
    };
    std::vector<node> best(text.size() + 1); /* by the place where the last piece ends */
    auto offer = [&best](size_t begin, size_t end, int32_t id, double score) {
        score += best[begin].score;
        if (best[end].begin == SIZE_MAX || score > best[end].score)
            best[end] = {score, id, begin};
    };
    for (size_t at = 0; at < text.size(); at += character_bytes(text, at)) {
        size_t first = character_bytes(text, at), end = at + first;
        bool single = false;
        while (end - at <= t.longest_piece_bytes) {
            double score;
            int32_t id = find_piece(t, text.substr(at, end - at));
            if (piece_score(t, id, end - at, &score)) {
                offer(at, end, id, score);
                single |= end - at == first;
            }
            if (end == text.size())
                break;
            end += character_bytes(text, end);
        }
        if (!single)
            offer(at, at + first, t.unknown_id, t.unknown_score);
    }
    std::vector<token> path;
    for (size_t end = text.size(); end > 0; end = best[end].begin)
        path.push_back({best[end].id, best[end].begin});
    std::reverse(path.begin(), path.end());
    return path;
}

/* Ids of a text or word: unknown characters as bytes, or each run of them as one id. */
std::vector<token> encode_word(const vmg_tokenizer &t, const normalised_text &word)
{
    std::vector<token> out;
    auto path = best_path(t, word.text);
    for (size_t i = 0; i < path.size(); i++) {
        bool unknown = path[i].id == t.unknown_id;
        size_t end = i + 1 < path.size() ? path[i + 1].begin : word.text.size();
        if (unknown && t.byte_ids[0] >= 0) {
            for (size_t at = path[i].begin; at < end; at++)
                out.push_back({t.byte_ids[static_cast<unsigned char>(word.text[at])], at});
        } else if (!unknown || i == 0 || path[i - 1].id != t.unknown_id) {
            out.push_back(path[i]);
        }
    }
    return out;
}

/* Where in the text that was given a place of the normalised text comes from. */
size_t original_begin(const normalised_text &word, size_t at)
{
    auto after = std::upper_bound(word.begins.begin(), word.begins.end(), at,
                                  [](size_t x, const auto &b) { return x < b.first; });
    return after == word.begins.begin() ? 0 : std::prev(after)->second;
}
} // namespace

int vmg_tokenizer_from_memory(const void *model, size_t n, const char *where, vmg_tokenizer **out)
{
    *out = nullptr;
    return guarded(where, [&] {
        std::unique_ptr<vmg_tokenizer> t(new vmg_tokenizer());
        int rc = vmg_spiece_read_facts(model, n, &t->facts);
        if (rc != VMG_OK)
            return vmg_fail_prefix(rc, "%s", where);
        auto status = t->processor.LoadFromSerializedProto({static_cast<const char *>(model), n});
        if (!status.ok())
            return vmg_fail(VMG_E_FORMAT, "%s: %s", where, status.error_message());
        rc = learn_vocabulary(*t, where);
        if (rc == VMG_OK)
            *out = t.release();
        return rc;
    });
}

void vmg_tokenizer_free(vmg_tokenizer *t)
{
    delete t;
}

int vmg_tokenizer_encode(const vmg_tokenizer *t, const char *text, size_t n, int64_t max_ids,
                         vmg_token_ids *out)
{
    *out = vmg_token_ids{};
    if (max_ids < 1)
        return vmg_fail(VMG_E_ARG, "a text needs at least one token, not %lld",
                        static_cast<long long>(max_ids));
    return guarded("encoding a text", [&] {
        std::vector<int32_t> ids;
        size_t end = readable_bytes(text, n), kept_bytes = end, next;
        for (size_t at = 0; at < end && kept_bytes == end; at = next) {
            const void *space = t->facts.by_words ? std::memchr(text + at, ' ', end - at) : nullptr;
            next = space ? static_cast<const char *>(space) - text + 1 : end;
            auto word = normalise(*t, {text + at, next - at});
            for (const token &found : encode_word(*t, word)) {
                if (static_cast<int64_t>(ids.size()) + 1 >= max_ids) {
                    kept_bytes = at + original_begin(word, found.begin);
                    break;
                }
                ids.push_back(found.id);
            }
        }
        ids.push_back(t->end_id);
        size_t bytes = ids.size() * sizeof ids[0];
        out->id = static_cast<int32_t *>(std::malloc(bytes));
        if (!out->id)
            throw std::bad_alloc();
        std::memcpy(out->id, ids.data(), bytes);
        out->n = static_cast<int64_t>(ids.size());
        out->text_bytes = n;
        out->kept_bytes = kept_bytes;
        return static_cast<int>(VMG_OK);
    });
}

int64_t vmg_tokenizer_size(const vmg_tokenizer *t)
{
    return t->processor.GetPieceSize();
}

int32_t vmg_tokenizer_end_id(const vmg_tokenizer *t)
{
    return t->end_id;
}

const char *vmg_tokenizer_piece(const vmg_tokenizer *t, int32_t id)
{
    bool known = id >= 0 && id < t->processor.GetPieceSize();
    return known ? t->processor.IdToPiece(id).c_str() : nullptr;
}

int32_t vmg_tokenizer_id(const vmg_tokenizer *t, const char *piece)
{
    int32_t id = -1;
    guarded("looking for a piece", [&] {
        id = find_piece(*t, piece);
        return static_cast<int>(VMG_OK);
    });
    return id;
}
