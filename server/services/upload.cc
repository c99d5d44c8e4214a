#include "absl/strings/str_cat.h"
#include "base/memory_reservation.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/onnx/import.h"
#include "profilers/builtin.h"
#include "server/services/reading_bytes.h"
#include "server/services/request_texts.h"
#include "server/services/upload_reactor.h"

namespace halftone {

int64_t Upload::LimitBytes() const {
  switch (kind_) {
    case ContentKind::kModel:
      return context_->limits.max_model_bytes;
    case ContentKind::kDataset:
      return context_->limits.max_dataset_bytes;
    case ContentKind::kTargetFile:
      return context_->limits.max_target_file_bytes;
  }
  return 0;
}

absl::Status Upload::Begin(const v1::UploadHeader& header) {
  if (writer_ != nullptr) {
    return AtField("header", absl::InvalidArgumentError("a second header came"));
  }
  if (!IsSha256(header.sha256())) {
    return AtField("header.sha256",
                   absl::InvalidArgumentError(absl::StrCat(
                       Quoted(header.sha256()), " is not 64 lower-case hexadecimal digits")));
  }
  if (header.size_bytes() <= 0) {
    return AtField("header.size_bytes", absl::InvalidArgumentError(absl::StrCat(
                                            header.size_bytes(), ": there is nothing to keep")));
  }
  if (header.size_bytes() > LimitBytes()) {
    return AtField("header.size_bytes",
                   absl::ResourceExhaustedError(absl::StrCat(
                       header.size_bytes(), " bytes are more than the limit, ", LimitBytes())));
  }
  HT_RETURN_IF_ERROR(CheckDisplayName("header.display_name", header.display_name()));
  header_ = header;
  HT_ASSIGN_OR_RETURN(writer_, context_->blobs->NewWriter());
  return absl::OkStatus();
}

absl::Status Upload::Append(absl::string_view chunk) {
  if (writer_ == nullptr) {
    return AtField("header", absl::InvalidArgumentError("it must come before the first chunk"));
  }
  if (chunk.empty() || static_cast<int64_t>(chunk.size()) > context_->limits.max_chunk_bytes) {
    return AtField("chunk", absl::InvalidArgumentError(
                                absl::StrCat("has ", chunk.size(), " bytes, must have 1 to ",
                                             context_->limits.max_chunk_bytes)));
  }
  if (writer_->size() + static_cast<int64_t>(chunk.size()) > header_.size_bytes()) {
    return AtField("chunk",
                   absl::InvalidArgumentError(absl::StrCat(
                       "more bytes came than the header's size_bytes, ", header_.size_bytes())));
  }
  return writer_->Append(chunk);
}

absl::StatusOr<ContentRecord> Upload::Finish(const Cancellation& cancellation) {
  if (writer_ == nullptr) {
    return AtField("header", absl::InvalidArgumentError("nothing was uploaded"));
  }
  if (writer_->size() != header_.size_bytes()) {
    return AtField("chunk", absl::InvalidArgumentError(
                                absl::StrCat("the upload stopped after ", writer_->size(),
                                             " bytes, the header said ", header_.size_bytes())));
  }
  if (writer_->Seal() != header_.sha256()) {
    return AtField("header.sha256",
                   absl::InvalidArgumentError(absl::StrCat(
                       "is ", header_.sha256(), ", but the bytes have ", writer_->Seal())));
  }
  const std::string& name = header_.display_name();
  // What is wrong with a target's file names it already.
  const bool names_itself = name.empty() || kind_ == ContentKind::kTargetFile;
  const absl::Status checked = CheckContent(cancellation);
  if (!checked.ok()) return names_itself ? checked : Annotate(checked, name);
  HT_RETURN_IF_ERROR(writer_->Commit());
  return context_->catalog->Add(kind_, header_.sha256(), name, header_.size_bytes());
}

void Upload::End() { writer_.reset(); }

absl::Status Upload::CheckContent(const Cancellation& cancellation) const {
  const absl::Duration patience = context_->limits.patience_for_memory;
  const auto load = [this] { return writer_->Content(); };
  HT_ASSIGN_OR_RETURN(const double needed,
                      ReadingBytes(kind_, writer_->size(), load, patience, cancellation));
  HT_ASSIGN_OR_RETURN(const MemoryReservation room,
                      MemoryReservation::Take(needed, patience, cancellation));
  HT_ASSIGN_OR_RETURN(const std::string bytes, load());
  return CheckBytes(bytes);
}

absl::Status Upload::CheckBytes(const std::string& bytes) const {
  switch (kind_) {
    case ContentKind::kModel:
      return WithReason(v1::MODEL_INVALID, ImportOnnx(bytes, {}).status());
    case ContentKind::kDataset:
      return WithReason(v1::DATASET_INVALID, header_.outputs() ? ReadNpz(bytes).status()
                                                               : Dataset::FromNpz(bytes).status());
    case ContentKind::kTargetFile:
      return WithReason(
          v1::TARGET_FILE_INVALID,
          MakeDescribedProfiler({header_.display_name(), bytes, absl::Time()}).status());
  }
  return absl::OkStatus();
}

}  // namespace halftone
