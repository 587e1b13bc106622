"""Lists as people have them: MAST's tables, file names and addresses, packed or not, in several encodings."""

import gzip
import io
import json
from importlib.resources import files

import pytest

from hstdputils.core import list_files
from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import read_id_list, read_ids

TWO = ["j8bt06010", "ldfd01vlq"]

PORTAL = """\
#@string,string,string,string,ra,dec,string,int,string
intentType,obs_collection,target_name,obs_id,s_ra,s_dec,proposal_id,obsid,obs_title
science,HST,"NGC 104, core",j8bt06010,6.02,-72.08,9443,24000001,"A title, with ""quotes""
and a second line"
science,HST,SMOV,ldfd01vlq,1.5,2.5,13124,24000002,
"""
"""What MAST's portal exports."""

FORM = """\
sci_data_set_name,sci_targname,sci_ra,sci_dec,sci_start_time,sci_pep_id
J8BT06010,"NGC 104",6.02,-72.08,2002-10-03 01:02:03,9443
LDFD01VLQ,SMOV,1.5,2.5,2013-08-21 00:00:00,13124
"""
"""What the search form of HST exports, and what ``MastMissions`` finds."""

OLD_FORM = """\
Dataset,Target Name,RA (J2000),Dec (J2000),Ref,Start Time
string,string,ra,dec,integer,datetime
J8BT06010,NGC-104,00 24 05,-72 04 52,12,2002-10-03
LDFD01VLQ,SMOV,00 06 00,02 30 00,0,2013-08-21
"""
"""What the older form exported: a line of types follows the headings."""

PRODUCTS = """\
obsID,obs_collection,dataproduct_type,obs_id,dataURI,productFilename,size
24000001,HST,image,j8bt06010,mast:HST/product/j8bt06010_asn.fits,j8bt06010_asn.fits,11520
24000001,HST,image,j8bt06010,mast:HST/product/j8bt06010_drz.fits,j8bt06010_drz.fits,215089920
24000002,HST,spectrum,ldfd01vlq,mast:HST/product/ldfd01vlq_rawacq.fits,ldfd01vlq_rawacq.fits,2119680
"""
"""A list of products by ``astroquery.mast.Observations``."""

MANIFEST = """\
Local Path,Status,Message,URL
./mastDownload/HST/j8bt06010/j8bt06010_asn.fits,COMPLETE,None,None
./mastDownload/HST/ldfd01vlq/ldfd01vlq_rawacq.fits,COMPLETE,None,None
"""
"""What ``Observations.download_products`` leaves beside the files."""

ECSV = """\
# %ECSV 1.0
# ---
# datatype:
# - {name: sci_data_set_name, datatype: string}
# - {name: sci_targname, datatype: string}
# schema: astropy-2.0
sci_data_set_name sci_targname
J8BT06010 "NGC 104"
LDFD01VLQ SMOV
"""

VOTABLE = """\
<?xml version="1.0"?>
<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">
<VOTABLE version="1.1" xmlns="http://www.ivoa.net/xml/VOTable/v1.1">
 <RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>
  <TABLE>
   <FIELD ID="obsid" name="obsid" datatype="long"/>
   <FIELD ID="ang_sep" name="Ang Sep" datatype="float"/>
   <FIELD ID="dataset" name="Dataset" datatype="char" arraysize="*"/>
   <DATA><TABLEDATA>
    <TR><TD>1</TD><TD>0.1</TD><TD>J8BT06010</TD></TR>
    <TR><TD>2</TD><TD/><TD>LDFD01VLQ</TD></TR>
    <TR><TD>3</TD><TD/><TD/></TR>
   </TABLEDATA></DATA>
  </TABLE>
 </RESOURCE>
</VOTABLE>
"""

FORMS = {
    "portal": PORTAL,
    "search form": FORM,
    "search form with tabs": FORM.replace(",", "\t"),
    "search form with semicolons": FORM.replace(",", ";"),
    "older form": OLD_FORM,
    "products": PRODUCTS,
    "manifest": MANIFEST,
    "ECSV": ECSV,
    "IPAC": "\\ comment\n".replace("\\", "#") + "|obs_id|ra|\n|j8bt06010|1.0|\n|ldfd01vlq|2.0|\n",
    "VOTable": VOTABLE,
    "JSON of names": '["j8bt06010", "LDFD01VLQ"]',
    "JSON of the search form": '{"info": [], "results": [{"sci_ra": 1, "sci_data_set_name": "J8BT06010"}, '
    '{"sci_data_set_name": null}, {"sci_ra": 2}, {"sci_data_set_name": "LDFD01VLQ"}]}',
    "one column": "observationID\nj8bt06010\nLDFD01VLQ\n",
    "quoted names": "\"j8bt06010\"\n'ldfd01vlq'\n",
    "a list of Python": "['j8bt06010', 'ldfd01vlq']",
    "semicolons and tabs": "j8bt06010;\tldfd01vlq",
    "file names": "j8bt06010_asn.fits\nj8bt06010_drz.fits\nldfd01vlq_rawacq.fits.gz\n",
    "paths": "/data/my raws/j8bt/j8bt06010/J8BT06010_ASN.FITS\n./ldfd01vlq_x1d.fits  # mine\n",
    "paths in one line": "'raws/j8bt06010_asn.fits' raws/j8bt06010_raw.fits  ldfd01vlq/ldfd01vlq_rawacq.fits",
    "paths with brackets": "/data/raws (old)/j8bt06010_asn.fits\n/data/[new] raws/ldfd01vlq_rawacq.fits\n",
    "paths of Windows": "C:\\My raws\\j8bt06010_asn.fits\r\nD:\\ldfd01vlq.tar.gz\r\n",
    "URIs": "mast:HST/product/j8bt06010_asn.fits\ns3://stpubdata/hst/public/ldfd/ldfd01vlq/ldfd01vlq_rawacq.fits\n",
    "addresses": "https://mast.stsci.edu/api/v0.1/Download/file?uri=mast:HST/product/j8bt06010_asn.fits\n"
    "https://mast.stsci.edu/search/hst/api/v0.1/retrieve_product?product_name=LDFD01VLQ%2Fldfd01vlq_rawacq.fits\n",
    "addresses with versions": "https://x/j8bt06010_asn.fits?versionId=3\nhttps://x/ldfd01vlq_rawacq.fits?a=b\n",
    "folders": "s3://stpubdata/hst/public/j8bt/j8bt06010/\nmastDownload/HST/LDFD01VLQ",
    "names without endings": "j8bt06010_raw, ldfd01vlq_rawtag_a",
}


def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


WAYS = {
    "as it is": str.encode,
    "with CRLF": lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n").encode(),
    "packed": packed,
    "with a byte order mark": lambda text: text.encode("utf-8-sig"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_lists(tmp_path, monkeypatch, form, way):
    data = WAYS[way](FORMS[form])
    path = tmp_path / "list"
    path.write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    for ids in (read_ids([f"@{path}"]), read_ids(["-"]), read_id_list("list", data)):
        assert (ids.names, ids.problems) == (TWO, [])


def test_tables_in_the_encoding_of_spreadsheets():
    assert read_id_list("list", FORM.replace(",", "\t").encode("utf-16")).names == TWO
    # names of people are in whatever encoding: only the column of datasets has to be text
    assert read_id_list("list", FORM.replace("SMOV", "Müller").encode("latin-1")).names == TWO


@pytest.mark.parametrize("format", ["tabledata", "binary", "binary2"])
def test_votables_of_astropy(format):
    from astropy.table import MaskedColumn, Table

    table = Table(
        {"ra": [1.0, 2.0, 3.0], "sci_data_set_name": MaskedColumn([*map(str.upper, TWO), ""], mask=[0, 0, 1])}
    )
    file = io.BytesIO()
    table.write(file, format="votable", tabledata_format=format)
    assert read_id_list("list", file.getvalue()).names == TWO
    assert read_id_list("list", gzip.compress(file.getvalue())).names == TWO


def test_long_lists_keep_their_lines():
    lines = [f"{letter}8{number:05}0q" for letter in "ij" for number in range(100_000)]
    lines[9000], lines[150_000] = "dataset", "u2840201t"
    ids = read_id_list("my.ids", "\n".join(lines).encode())
    assert len(ids.names) == 199_998
    assert [problem.partition(": ")[0] for problem in ids.problems] == ["my.ids:9001", "my.ids:150001"]


def test_letters_that_only_look_like_those_of_a_name_are_not():
    (problem,) = read_id_list("my.ids", "j8bt0601\N{KELVIN SIGN}\nldfd01vlq\n".encode()).problems
    assert problem.startswith("my.ids:1: ")


def test_repetitions_in_tables_and_of_files_are_counted():
    (note,) = read_id_list("my.csv", PRODUCTS.encode()).notes
    assert note == "my.csv: 1 row or file is of a dataset that is in the list already"
    (note,) = read_id_list("my.ids", b"j8bt06010\nj8bt06010_asn.fits\nj8bt06010_drz.fits\n").notes
    assert note == "my.ids: 2 rows or files are of datasets that are in the list already"


def test_jitter_files_are_left_out():
    ids = read_id_list("my.ids", b"j8bt06o6q_raw.fits\nj8bt06o6j_jif.fits\nj8bt06o6j_jit.fits\n")
    assert (ids.names, ids.problems) == (["j8bt06o6q"], [])
    assert ids.notes == ["my.ids: 2 jitter files are left out"]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (
            "hst_10188_10_acs_wfc_f814w_j8mb10_drc.fits",
            "belongs to the mosaics of a visit: give the visit, acs_8mb_10",
        ),
        ("hst_10188_10_acs_wfc_f814w_j8mb10ab", "belongs to the mosaics of a visit: give the visit, acs_8mb_10"),
        ("u2840201t_d0f.fits", "'u2840201t' is a dataset of WFPC2"),
        ("n8yj26010_mos.fits", "'n8yj26010' is a dataset of NICMOS"),
        ("q5v1534jo_bia.fits", "no HST instrument has the letter 'q'"),
        ("9443", "is not a valid ipppssoot"),
        ("9443", "; a proposal is written proposal:9443"),
        ("@other.ids", "; a list cannot name another: give both"),
        ("proposal:9443", "proposals are not looked up here: list their datasets"),
        ("notes.txt", "'notes.txt' is not a valid ipppssoot"),
    ],
)
def test_what_is_not_a_dataset_is_named_with_its_line(word, says):
    ids = read_id_list("my.ids", f"ldfd01vlq\n\n{word}\n".encode())
    assert ids.names == ["ldfd01vlq"]
    (problem,) = ids.problems
    assert problem.startswith("my.ids:3: ")
    assert says in problem


def test_bad_names_in_tables_are_named_with_line_or_row():
    bad = "U2840201T"
    assert (
        read_id_list("t.csv", FORM.replace("LDFD01VLQ", bad).encode()).problems[0].startswith(f"t.csv:3: {bad!r} is")
    )
    assert read_id_list("t.csv", PORTAL.replace("ldfd01vlq", bad).encode()).problems[0].startswith("t.csv:5: ")
    (problem,) = read_id_list("t.xml", VOTABLE.replace("LDFD01VLQ", bad).encode()).problems
    assert problem.startswith(f"t.xml, row 2: {bad!r} is a dataset of WFPC2")


def test_a_file_that_is_named_without_its_mark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text(FORM)
    (problem,) = read_ids(["my.csv"]).problems
    assert problem.endswith("; to read the list in the file my.csv, write @my.csv")


def test_a_list_does_not_say_whether_a_file_is_there(tmp_path):
    path = tmp_path / "secret"
    path.write_text("x")
    (problem,) = read_id_list("my.ids", f"{path}\n".encode()).problems
    assert "write @" not in problem


ENTITY = VOTABLE.replace('"http://us-vo.org/xml/VOTable.dtd"', '"x" [<!ENTITY a "j8bt06010">]')
HREF = VOTABLE.replace("TABLEDATA>", "BINARY>").partition("<TR>")[0] + (
    '<STREAM href="file:///etc/passwd"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04...", "my.list is packed with zip: unpack it, or pack it with gzip"),
        (b"BZh91AY&SY", "my.list is packed with bzip2: unpack it"),
        (packed(FORM)[:-20], "my.list is not a whole gzip file"),
        (b"\x1f\x8bxxxxxxxxxxxxx", "my.list is not a whole gzip file"),
        (b"SIMPLE  =                    T", "my.list is a file of data, not a list"),
        (
            b"<!DOCTYPE html><html><p>Log in</p></html>",
            "my.list is a web page, not a list: export it",
        ),
        (b"<VOTABLE><RESOURCE>", "my.list is not a valid VOTable (no element found"),
        (b"<note>hello</note>", "my.list is not a valid VOTable ("),
        (ENTITY.encode(), "my.list is not a valid VOTable (it declares entities): export it anew"),
        (HREF.encode(), "my.list is not a valid VOTable (it names another file with its data)"),
        (
            VOTABLE.replace("ataset", "etails").encode(),
            "my.list has no column of dataset names (its",
        ),
        (
            b"target,ra,dec\nM31,1,2\n",
            "no column of dataset names (its columns are target, ra, dec): call it",
        ),
        (b"ra,dec,obs_id\n1,2,j8bt06010\n1,2\n", "my.list:3: 2 columns, not 3: export the table anew"),
        (b"obs_id,title\nj8bt06010," + b"x" * 200_000, "my.list:2 is not a row of a table (field larger than"),
        (b"sci_data_set_name\n", "no ipppssoot in my.list: write one on each line"),
        (b"j8bt\xff06010\n", "my.list is not a text file: give one with an id on each line, or a table"),
        (b"a" * 2_000_000, "my.list is not a text file"),
        (packed("a" * 2_000_000), "my.list is not a text file"),
    ],
)
def test_what_is_not_a_list_is_one_clear_line(data, says):
    with pytest.raises(UserError) as refused:
        read_id_list("my.list", data)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_list_that_unpacks_to_very_much(monkeypatch):
    monkeypatch.setattr(list_files, "MOST_BYTES", 2**20)
    with pytest.raises(UserError, match="has more than 1 MiB when unpacked: cut it into several"):
        read_id_list("my.list", packed("ldfd01vlq\n" * 200_000))
    with pytest.raises(UserError, match="has more than 1 MiB when unpacked"):
        read_id_list("my.list", packed("<VOTABLE>" + "<INFO/>" * 200_000))


def test_a_proposal_gives_its_datasets_where_it_is_looked_up(tmp_path):
    asked = []

    def proposals(number):
        asked.append(number)
        return ["j8bt06010", "ldfd01vlq", "u2840201t"]

    path = tmp_path / "my.ids"
    path.write_text("ldfd01vlq\nproposal:9443  # mine\n")
    ids = read_ids([f"@{path}", "PROPOSAL:013124"], proposals)
    assert asked == [9443, 13124]
    assert ids.names == ["ldfd01vlq", "j8bt06010"]
    assert ids.problems[0].startswith(f"{path}:2 (proposal:9443): 'u2840201t' is a dataset of WFPC2")
    assert ids.notes[0] == f"{path}:2: 1 row or file is of a dataset that is in the list already"


def answer(file: str) -> bytes:
    """Return what MAST answered once, as astroquery's own tests have it."""
    path = files("astroquery.mast.tests.data") / file
    return path.read_bytes() if path.is_file() else pytest.skip(f"astroquery is installed without {file}")


@pytest.mark.parametrize(
    ("file", "key", "column"),
    [
        ("mission_results.json", "results", "sci_data_set_name"),
        ("mission_products.json", "products", "dataset"),
        ("advSearch.json", "data", "obs_id"),
        ("products.json", "data", "obs_id"),
    ],
)
def test_answers_of_mast_in_all_formats_that_astropy_writes(file, key, column):
    from astropy.table import Table

    rows = json.loads(answer(file))[key]
    wanted = read_id_list("list", "".join(f"{row[column]}\n" for row in rows).encode())
    assert wanted.names or wanted.bad
    table = Table([{name: "" if value is None else value for name, value in row.items()} for row in rows])
    table.meta.clear()
    written = [answer(file)]
    for format in ("ascii.csv", "ascii.ecsv", "ascii.tab", "ascii.basic", "votable"):
        out = io.BytesIO() if format == "votable" else io.StringIO()
        table.write(out, format=format)
        written.append(out.getvalue() if format == "votable" else out.getvalue().encode())
    for data in written:
        found = read_id_list("list", data)
        assert found.names == wanted.names
        assert set(found.bad) == set(wanted.bad)
