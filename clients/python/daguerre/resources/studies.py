"""Methods of the client for studies, which are coded by people on the server."""

from daguerre.handles.studies import AsyncCodingStudy
from daguerre.session import Session
from daguerre.transport.operations import CREATE_STUDY, DELETE_STUDY, FOLDERS, STUDIES, STUDY
from daguerre.types.common import Content


class StudyMethods(Session):
    """Studies: pictures on the server, with a codebook, coders and their codes. Over HTTP alone."""

    async def create_study(
        self, name: str, *, folder: str | None = None, collection: str | None = None, title: str = ""
    ) -> AsyncCodingStudy:
        """Make a study, which only your key sees, until it is deleted.

        Parameters
        ----------
        folder : a folder below the server's DAGUERRE_DATA, whose pictures are the items and stay there. None: send
            pictures with `.add`, which the server keeps until the study is deleted.
        collection : a collection on the server, whose items, metadata, texts and vectors are copied, in place of
            pictures.
        title : title that coders read; empty: the name.

        Returns
        -------
        CodingStudy : `.add`, `.set_columns`, `.set_codebook`, `.assign`, `.progress`, `.agreement`, `.codes`, …

        Examples
        --------
        >>> study = client.create_study("protest")
        >>> study.add("photos/")
        >>> study.set_codebook("codebook.yaml")
        >>> study.assign("first", ["anna", "ben"], size=100).save_tokens("tokens.csv")
        """
        fields = {"name": name, "folder": folder, "collection": collection, "title": title}
        return AsyncCodingStudy(self, await self.ask(CREATE_STUDY, fields))

    async def study(self, name: str) -> AsyncCodingStudy:
        """Get a study by its name. Raises NotFoundError."""
        return AsyncCodingStudy(self, await self.ask(STUDY, {"name": name}))

    async def studies(self) -> list[Content]:
        """List your studies on the server, the newest first: name, title, items, codes, …"""
        return await self.entries(STUDIES)

    async def data_folders(self, within: str = "") -> list[str]:
        """List the folders of the server that studies can be made of, by name, one level deep.

        Parameters
        ----------
        within : a folder below the server's DAGUERRE_DATA; empty: that folder.

        Examples
        --------
        >>> client.data_folders("photos")
        ['2023', '2024']
        >>> client.create_study("protest", folder="photos/2024")
        """
        return list((await self.ask(FOLDERS, {"within": within}))["data"])

    async def delete_study(self, name: str) -> Content:
        """Delete a study with its pictures, codes and tokens, and return what was deleted. Raises NotFoundError."""
        return await self.ask(DELETE_STUDY, {"name": name})
