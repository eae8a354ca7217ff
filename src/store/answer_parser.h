#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/client.h"

namespace footfall::store {

/// Reads an answer in the format JSONCompactEachRowWithNamesAndTypes: a line of names, a line of types, a line a row.
/// Numbers of more than 64 bits keep their digits as text. `text` is given room for the parser's padding. kInternal for
/// what is not in that format.
Result<Answer> parse_answer(std::string& text);

/// Reads rows in the format JSONCompactEachRow as their bytes come, a line a row. Holds no more than the row that is
/// not whole yet. Errors are those of parse_answer(), and the caller's own.
class RowReader {
public:
    using TakeRow = std::function<Status(std::vector<Value> row)>;
    explicit RowReader(std::span<const Column> columns);
    ~RowReader();

    /// Gives the rows that are whole by now.
    Status read(std::string_view bytes, const TakeRow& take);
    /// Nothing follows.
    Status end() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::store
