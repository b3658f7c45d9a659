/* The C face of libsentencepiece's trainer: exceptions and its status objects end here. */
#include "models/vocabulary.h"

#include <sentencepiece_trainer.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <unordered_map>

extern "C" {
#include "host/base/status.h"
}

namespace
{
/* Hands the library one sentence after another. */
class sentences final : public sentencepiece::SentenceIterator
{
  public:
    sentences(const char *const *texts, size_t n) : texts_(texts), n_(n)
    {
        load();
    }
    bool done() const override
    {
        return at_ >= n_;
    }
    void Next() override
    {
        at_++;
        load();
    }
    const std::string &value() const override
    {
        return value_;
    }
    sentencepiece::util::Status status() const override
    {
        return {};
    }

  private:
    void load()
    {
        if (at_ < n_)
            value_ = texts_[at_];
    }
    const char *const *texts_;
    size_t n_, at_ = 0;
    std::string value_;
};

int train(const char *const *texts, size_t n, int64_t size, std::string *model)
{
    /* One thread: sums in another order give other bytes. minloglevel keeps the library from printing. */
    const std::unordered_map<std::string, std::string> options = {
        {"model_type", "unigram"},
        {"vocab_size", std::to_string(size)},
        {"hard_vocab_limit", "false"},
        {"character_coverage", "1.0"},
        {"normalization_rule_name", "nmt_nfkc_cf"},
        {"pad_id", std::to_string(VMG_VOCABULARY_PADDING)},
        {"eos_id", std::to_string(VMG_VOCABULARY_END)},
        {"unk_id", std::to_string(VMG_VOCABULARY_UNKNOWN)},
        {"bos_id", "-1"},
        {"num_threads", "1"},
        {"minloglevel", "3"},
    };
    sentences all(texts, n);
    auto status = sentencepiece::SentencePieceTrainer::Train(options, &all, model);
    if (!status.ok())
        return vmg_fail(VMG_E_ARG, "a vocabulary of %lld pieces from %zu sentences: %s",
                        static_cast<long long>(size), n, status.error_message());
    return VMG_OK;
}
} // namespace

int vmg_vocabulary_train(const char *const *texts, size_t n, int64_t size, uint8_t **model, size_t *n_bytes)
{
    *model = nullptr;
    *n_bytes = 0;
    if (!n)
        return vmg_fail(VMG_E_ARG, "a vocabulary needs sentences");
    try {
        std::string bytes;
        int rc = train(texts, n, size, &bytes);
        if (rc != VMG_OK)
            return rc;
        *model = static_cast<uint8_t *>(std::malloc(bytes.size()));
        if (!*model)
            throw std::bad_alloc();
        std::memcpy(*model, bytes.data(), bytes.size());
        *n_bytes = bytes.size();
        return VMG_OK;
    } catch (const std::bad_alloc &) {
        return vmg_fail(VMG_E_NOMEM, "out of memory for a vocabulary of %zu sentences", n);
    } catch (const std::exception &e) {
        return vmg_fail(VMG_E_ARG, "the vocabulary could not be made: %s", e.what());
    }
}
